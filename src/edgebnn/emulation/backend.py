"""The backend, loaded once a process: quietly, and with capped threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from edgebnn.emulation.heap import keep_freed_memory
from edgebnn.emulation.last_words import held_back
from edgebnn.errors import ConfigError
from edgebnn.study.engines import keras_backend

_JAX = {
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "JAX_DEFAULT_MATMUL_PRECISION": "float32",
}
"""JAX on a GPU: memory as it is needed, products in float32. Nothing on a CPU."""

_IN_ORDER = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
"""XLA then runs the programs of a step one after the other. On one thread it spreads them over two
otherwise, and a step of MLP takes a quarter longer."""

_KNOW_IT = ("2.21.",)
"""Versions of TensorFlow: XLA ends a process over a flag that it does not know."""

_FOR_OTHERS = ("jax", "matplotlib", "pandas", "sklearn", "torch")
"""Packages that Keras imports where it finds them, for wrappers and adapters that nothing here uses."""


def load_backend(threads: int | None = None) -> None:
    """Imports Keras, its backend, and TensorFlow, whose tf.data feeds either; nothing more the second
    time. Keras then takes arrays and tf.data, no data frames; freed memory is kept (heap.py).

    GPUs give out memory as it is needed, so that several runs can share one, and multiply in
    true float32, which TF32 is not. Under JAX, TensorFlow leaves them alone.

    Args:
        threads: CPU threads at most; None leaves the backend's default.

    Raises:
        ConfigError: not one of BACKENDS, or not installed; Keras has another one in this process, or
            it runs with another number of threads.
    """
    backend = keras_backend()
    first = "tensorflow" not in sys.modules
    if first:
        keep_freed_memory()
    if threads is not None and first:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    if backend == "jax":
        prepare_jax(threads)
    with held_back(), _left_out([name for name in _FOR_OTHERS if name != backend]):
        import keras
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if keras.backend.backend() != backend:
        raise ConfigError(
            f"KERAS_BACKEND={backend}: Keras runs in this process already, with "
            f"{keras.backend.backend()}"
        )
    if first:
        _say_if_no_gpu(gpus, backend)
    _share_gpus(tf, gpus, backend)
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
    if first and backend == "tensorflow" and threads == 1 and not gpus:
        with held_back():
            _run_in_order(tf)


def _run_in_order(tf: Any) -> None:
    """XLA reads its flags as it compiles for the first time, here: processes that are started later have
    what the user set."""
    if not version("tensorflow").startswith(_KNOW_IT):
        return
    users = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = f"{_IN_ORDER} {users or ''}"
    try:
        tf.function(lambda: tf.constant(0), jit_compile=True)()
    finally:
        if users is None:
            del os.environ["XLA_FLAGS"]
        else:
            os.environ["XLA_FLAGS"] = users


@contextmanager
def _left_out(names: Sequence[str]) -> Iterator[None]:
    """Packages not imported yet cannot be, while the block runs: Keras 3.15 and TensorFlow 2.21 then take
    550 MiB instead of 800 and three seconds instead of six. (None in `sys.modules` is an ImportError:
    Python's reference, "The import system".)"""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def prepare_jax(threads: int | None) -> None:
    """What JAX reads as it starts. PJRT_NPROC is the size of its pool on a CPU (found by trial with
    jaxlib 0.10: no flag or document says so)."""
    for name, value in _JAX.items():
        os.environ.setdefault(name, value)
    if threads is None or os.environ.get("PJRT_NPROC") == str(threads):
        return
    if "jax" in sys.modules:
        now = os.environ.get("PJRT_NPROC", "all")
        raise ConfigError(
            f"threads: {threads}: JAX runs in this process already, with {now} threads"
        )
    os.environ["PJRT_NPROC"] = str(threads)


def _say_if_no_gpu(gpus: list[Any], backend: str) -> None:
    """A GPU that was asked for and is not there would be missed only by the time that training takes."""
    asked = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if asked in ("", "-1"):
        return
    if backend == "jax":
        from keras.distribution import list_devices

        gpus = [name for name in list_devices() if not name.startswith("cpu")]
    if not gpus:
        print(
            f"warning: CUDA_VISIBLE_DEVICES={asked}: {backend} finds no such GPU; the CPU computes",
            file=sys.stderr,
            flush=True,
        )


def _share_gpus(tf: Any, gpus: list[Any], backend: str) -> None:
    if backend != "tensorflow":
        if tf.config.get_visible_devices("GPU"):
            tf.config.set_visible_devices([], "GPU")
        return
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
