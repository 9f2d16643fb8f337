"""How sums are accumulated: float32 for speed, or float64, where every engine agrees to the bit.

    with exact_sums():
        ...  # eager calls, or the first (tracing) call of a compiled function

Only reductions and backward products change; elementwise arithmetic is float32 either way
(docs/numerics.md, "Accumulators").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np
from keras import ops

from edgebnn.errors import ConfigError

_accumulator: ContextVar[str] = ContextVar("accumulator", default="float32")


def accumulator() -> str:
    """The dtype in which sums are taken here: `float32` or `float64`."""
    return _accumulator.get()


@contextmanager
def exact_sums() -> Iterator[None]:
    """Sums are float64 and rounded once, as the trainer's are, and graphs run as they were traced.

    Use it with eager or plain graph execution: under XLA the steps between the sums may be
    contracted into fused multiply-adds, which numerics.md rules out. So are TensorFlow's rewritten
    graphs (a division by a constant, say, as a product): they are not rewritten inside.

    Raises:
        ConfigError: the backend has no float64 (JAX without `jax_enable_x64`).
    """
    if keras.backend.standardize_dtype(ops.zeros((), "float64").dtype) != "float64":
        raise ConfigError(
            f"KERAS_BACKEND={keras.backend.backend()}: exact sums need float64; "
            f"use tensorflow, or set JAX_ENABLE_X64=1"
        )
    token = _accumulator.set("float64")
    try:
        with _graphs_as_traced():
            yield
    finally:
        _accumulator.reset(token)


@contextmanager
def _graphs_as_traced() -> Iterator[None]:
    """TensorFlow's rewriting of graphs is off inside; other backends have none."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})


def wide(x: Any) -> Any:
    """`x` in the accumulator's dtype."""
    return ops.cast(x, accumulator())


def single(x: Any) -> Any:
    """`x` rounded to float32."""
    return ops.cast(x, "float32")


def mean(x: Any, axes: Sequence[int], factor: Any = None) -> Any:
    """f32(sum(x) / N), or f32(sum(x·factor) / N) with the products in the accumulator's dtype.

    Args:
        x: float32 tensor.
        axes: the axes summed over; N is the number of elements along them.
        factor: None, or a float32 tensor of the same shape.
    """
    terms = wide(x) if factor is None else wide(x) * wide(factor)
    return single(total(terms, axes) / wide(positions(x, axes)))


def total(x: Any, axes: Sequence[int]) -> Any:
    """sum(x) over `axes`, which are all but the last: [B, ..., channels] -> [channels], in x's dtype.

    Over a batch alone by the backend's own sum. With positions the axis is long: first its parts are laid
    upon each other, by what XLA on a CPU joins with the making of x; what is left is multiplied by ones,
    as XLA sums a long axis in padded windows, four times as slowly. By two rows of ones, as it multiplies
    a single one by a loop of its own, in which float32 sums drift.
    """
    if len(axes) == 1:
        return ops.sum(x, axes[0])
    parts = _parts(x.shape[:-1])
    terms = ops.reshape(x, (parts, -1, x.shape[-1]))
    folded = sum((terms[part] for part in range(1, parts)), terms[0])
    return ops.matmul(ops.ones((2, ops.shape(folded)[0]), folded.dtype), folded)[0]


def _parts(sides: Sequence[int | None]) -> int:
    """Four equal parts of so many rows, or two, or one: of four, a sum takes XLA the least time."""
    known = [side for side in sides if side is not None]
    return math.gcd(math.prod(known), 4) if len(known) == len(sides) else 1


def matmul(a: Any, b: Any) -> Any:
    """f32(a b): [m, k], [k, n] -> [m, n]."""
    return single(ops.matmul(wide(a), wide(b)))


def conv(x: Any, kernel: Any, stride: int, padding: str) -> Any:
    """f32(x * kernel): [B, h, w, c], [k, k, c, units] -> [B, h', w', units]; its gradients alike.

    Args:
        padding: `same` (zeros, the smaller half before) or `valid`.
    """
    return single(ops.conv(wide(x), wide(kernel), stride, padding, data_format="channels_last"))


@ops.custom_gradient  # type: ignore[untyped-decorator]
def integers(y: Any) -> Any:
    """`y`, known to be whole, rounded to integers; gradients pass.

    For a GPU's convolutions, which may go by way of fractions (Winograd's transforms).
    """

    def grad(*args: Any, upstream: Any = None) -> Any:
        return args[0] if upstream is None else upstream

    return ops.round(y), grad


def positions(x: Any, axes: Sequence[int]) -> Any:
    """Number of elements of `x` along `axes`, as float32: a plain number where the shape is known."""
    count: Any = np.float32(1)
    for axis in axes:
        side = ops.shape(x)[axis]
        count = count * (np.float32(side) if isinstance(side, int) else ops.cast(side, "float32"))
    return count


def batch(x: Any) -> Any:
    """The batch size B, as float32."""
    return positions(x, (0,))
