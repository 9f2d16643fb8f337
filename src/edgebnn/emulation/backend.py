"""The backend, loaded once a process: quietly, and with capped threads."""

from __future__ import annotations

import os
import sys

from edgebnn.emulation.last_words import held_back
from edgebnn.errors import ConfigError
from edgebnn.study.engines import BACKENDS


def load_backend(threads: int | None = None) -> None:
    """Imports Keras and its backend; does nothing more the second time.

    GPUs give out memory as it is needed, so that several runs can share one, and multiply in
    true float32, which TF32 is not.

    Args:
        threads: CPU threads at most; None leaves the backend's default.

    Raises:
        ConfigError: not one of BACKENDS, or it already runs with another number of threads.
    """
    if threads is not None and "tensorflow" not in sys.modules:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    with held_back():
        import keras
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if keras.backend.backend() not in BACKENDS:
        raise ConfigError(
            f"KERAS_BACKEND={keras.backend.backend()}: allowed are {', '.join(BACKENDS)}"
        )
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    if threads is not None:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            now = tf.config.threading.get_intra_op_parallelism_threads() or "all"
            raise ConfigError(
                f"threads: {threads}: TensorFlow runs in this process already, with {now} threads"
            ) from None
    tf.config.experimental.enable_tensor_float_32_execution(False)
