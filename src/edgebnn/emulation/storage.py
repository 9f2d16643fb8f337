"""What is left of a number after storing it: every storage of docs/numerics.md, "Storage".

All take and return float32; the narrow type exists only in the trainer's memory. Rounding is done in
float32 arithmetic and not by a cast to a narrow type and back, because XLA is free to drop such a
pair of casts (`xla_allow_excess_precision`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

Noise = Callable[[], Any]
"""Makes the stochastic rounding's draws, uniform in [0, 1), when a storage asks for them."""


def identity(x: Any, noise: Noise | None = None) -> Any:
    """f32."""
    return x


def one_bit(x: Any, noise: Noise | None = None) -> Any:
    """bool: +1 where x >= 0, else -1."""
    return ops.where(x >= 0, np.float32(1), np.float32(-1))


def half(x: Any, noise: Noise | None = None) -> Any:
    """f16: nearest even, subnormals kept, infinite from 65520 on."""
    bits = ops.view(x, "uint32")
    odd = ops.bitwise_and(ops.right_shift(bits, _u32(13)), _u32(1))
    kept = ops.bitwise_and(bits + odd + _u32(0xFFF), _u32(0xFFFFE000))
    normal = ops.view(kept, "float32")
    subnormal = ops.round(x * 2.0**24) * 2.0**-24
    magnitude = ops.abs(x)
    rounded = ops.where(magnitude < 2.0**-14, subnormal, normal)
    return ops.where(magnitude < 65520.0, rounded, x * np.float32(np.inf))


def fixed_point(scale: float, low: int, high: int, stochastic: bool = False) -> Callable[..., Any]:
    """A storage of k·f32(1/scale) with integer k in [low, high], saturating.

    Args:
        scale: steps in one unit.
        low, high: the range of k.
        stochastic: round to floor(x·scale + u), u from the noise; nearest even without noise.
    """

    unit = np.float32(1 / scale)

    def store(x: Any, noise: Noise | None = None) -> Any:
        steps = x * scale
        k = ops.floor(steps + noise()) if stochastic and noise else ops.round(steps)
        return ops.clip(k, low, high) * unit

    return store


def shared_exponent(largest: int, spread: int | None = None) -> Callable[..., Any]:
    """A storage of k·2^e with |k| <= largest = 2^b - 1 and the smallest e for which all fit.

    Args:
        largest: 2^b - 1.
        spread: None for one e; else each channel (index of the last axis) has its own, over a whole
            batch at least the largest of them less `spread`.
    """
    width = largest.bit_length()

    def store(x: Any, by_sample: bool) -> Any:
        axes = range(int(by_sample), len(x.shape) - (spread is not None))
        top = ops.max(ops.abs(x), axis=tuple(axes), keepdims=True) if axes else ops.abs(x)
        # top = f·2^p with f in [1/2, 1), so top <= largest·2^(p-b) exactly where f <= largest/2^b.
        bits = ops.cast(ops.view(top, "int32"), "int32")
        p = ops.right_shift(bits, 23) - 126
        fraction = ops.bitwise_and(bits, 0x7FFFFF)
        limit = (largest << (24 - width)) & 0x7FFFFF
        e = ops.clip(p - width + ops.cast(fraction > limit, "int32"), -126, 126)
        if spread is not None and not by_sample:
            e = ops.maximum(e, ops.max(e) - spread)
        return ops.round(x * _power_of_two(-e)) * _power_of_two(e)

    return store


WEIGHTS = {
    "f32": identity,
    "f16": half,
    "q15": fixed_point(32768.0, -32768, 32767),
    "i8": fixed_point(512.0, -128, 127, stochastic=True),
    "bool": one_bit,
}
MOMENTA = {
    "f32": identity,
    "f16": half,
    "q15": fixed_point(32768.0, -32768, 32767),
    "i8": fixed_point(127.0, -127, 127, stochastic=True),
    "i4": fixed_point(7.0, -7, 7, stochastic=True),
}
GRADIENTS: dict[str, Callable[[Any, bool], Any]] = {
    "f32": lambda x, by_sample: x,
    "f16": lambda x, by_sample: half(x),
    "i16": shared_exponent(8191),
    "i8": shared_exponent(127, spread=6),
    "i6": shared_exponent(31, spread=8),
}


def store_weights(name: str, x: Any, noise: Noise | None = None) -> Any:
    """store_w: latent weights as `weight_dtype` keeps them; without noise, to the nearest."""
    return WEIGHTS[name](x, noise)


def store_momenta(name: str, x: Any, noise: Noise | None = None) -> Any:
    """store_m: a first moment as `momentum_dtype` keeps it."""
    return MOMENTA[name](x, noise)


def store_gradients(name: str, x: Any, *, by_sample: bool) -> Any:
    """store_g: dX' or dY, [B, ..., channels], as `gradient_dtype` keeps it.

    Args:
        name: the switch.
        by_sample: whether exponents are shared within a sample (dX') or by all of them (dY).
    """
    return GRADIENTS[name](x, by_sample)


def _power_of_two(e: Any) -> Any:
    """2^e as float32, for int32 e in [-126, 126]."""
    return ops.view(ops.left_shift(e + 127, 23), "float32")


def _u32(value: int) -> Any:
    return np.uint32(value)
