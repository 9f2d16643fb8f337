"""The training step in Keras 3, exactly as docs/numerics.md defines it; TensorFlow or JAX.

Importing this package imports neither: its modules `batches`, `layers`, `model`, ... do.
"""

import os

# No banners; it must be set before TensorFlow loads.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
