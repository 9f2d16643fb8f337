"""The training step in Keras 3, exactly as docs/numerics.md defines it; TensorFlow or JAX.

Its layers, optimisers and loss serve in any Keras model (docs/own-model.md):

    from edgebnn.emulation import BatchNorm, BinaryDense, Sign

Importing this package imports neither backend: the first of these names that is asked for does, and
makes all of them known to `keras.models.load_model`.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebnn.emulation.layers.batch_norm import BatchNorm
    from edgebnn.emulation.layers.conv import BinaryConv2D, RealConv2D
    from edgebnn.emulation.layers.dense import BinaryDense, RealDense
    from edgebnn.emulation.layers.pool import MaxPool2D
    from edgebnn.emulation.layers.sign import Sign
    from edgebnn.emulation.loss import SummedCrossEntropy
    from edgebnn.emulation.optimizers import SGD, Adam, Bop

# No banners; it must be set before TensorFlow loads.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__all__ = [
    "SGD",
    "Adam",
    "BatchNorm",
    "BinaryConv2D",
    "BinaryDense",
    "Bop",
    "MaxPool2D",
    "RealConv2D",
    "RealDense",
    "Sign",
    "SummedCrossEntropy",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    for module in ("layers", "loss", "optimizers"):
        globals().update(
            (public, value)
            for public, value in vars(import_module(f"{__name__}.{module}")).items()
            if public in __all__
        )
    return globals()[name]
