"""The counter-based random numbers of docs/numerics.md: draw i of stream s under seed k.

Nothing is drawn in sequence: shuffles, initial weights and stochastic roundings are functions
of their index, so both engines, any thread and a resumed run have the same ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
INITIAL_WEIGHTS = 1000
ROUND_WEIGHTS = 3000
ROUND_MOMENTA = 4000
SHUFFLE = 2**32
AUGMENTATION = 2**33
"""First of each family of streams: plus the weighted layer's index, or plus the epoch."""


def mix(z: U64) -> U64:
    """splitmix64's finaliser (Steele, Lea & Flood 2014) on an array of uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def draws(seed: int, stream: int, index: Any) -> U64:
    """Draws of a stream.

    Args:
        seed: in [0, 2^64).
        stream: in [0, 2^64).
        index: integers of any shape, in [0, 2^64).

    Returns:
        uint64 of the index's shape, uniform.
    """
    key = _mix_int(_mix_int(seed + GOLDEN) + stream * GOLDEN)
    counter = np.atleast_1d(np.asarray(index, np.uint64)) + np.uint64(1)
    return mix(counter * np.uint64(GOLDEN) + np.uint64(key)).reshape(np.shape(index))


def permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order of an epoch's images: a Feistel network over 4^h >= count, cycle-walked.

    Args:
        seed: the run's.
        epoch: from 0.
        count: number of training images.

    Returns:
        [count]: the image at each position.
    """
    h = 1
    while 4**h < count:
        h += 1
    low = np.uint64(2**h - 1)
    table = draws(seed, SHUFFLE + epoch, (np.arange(6)[:, None] << 32) + np.arange(2**h))
    table >>= np.uint64(64 - h)
    x = np.arange(count, dtype=np.uint64)
    walking = np.arange(count)
    while walking.size:
        left, right = x[walking] >> np.uint64(h), x[walking] & low
        for row in table:
            left, right = right, left ^ row[right]
        x[walking] = (left << np.uint64(h)) | right
        walking = walking[x[walking] >= count]
    return x.astype(np.int64)


def initial_weights(seed: int, layer: int, fan_in: int, units: int) -> NDArray[np.float32]:
    """N(0, 1/sqrt(fan_in)) clipped to [-1, 1], by Box-Muller, before any storage.

    Args:
        layer: index among the weighted layers, from 0.

    Returns:
        float32 [fan_in, units].
    """
    index = np.arange(fan_in * units, dtype=np.uint64) * np.uint64(2)
    u1, u2 = (_uniform(draws(seed, INITIAL_WEIGHTS + layer, index + np.uint64(i))) for i in (0, 1))
    normal = np.sqrt(-2.0 * np.log(u1)) * np.cos(2.0 * np.pi * u2) / np.sqrt(fan_in)
    weights: NDArray[np.float32] = np.clip(normal.astype(np.float32), -1, 1)
    return weights.reshape(fan_in, units)


def rounding_base(seed: int, stream: int) -> int:
    """The 32-bit base of a layer's stochastic rounding (stream ROUND_WEIGHTS or ROUND_MOMENTA + l)."""
    return int(draws(seed, stream, 0)) >> 32


def rounding_noise(base: int, step: Any, shape: tuple[int, ...]) -> Any:
    """u of the stochastic rounding at one step, in the graph: float32 k/65536 in [0, 1).

    Args:
        base: `rounding_base` of the layer.
        step: integer tensor t = 1, 2, ...
        shape: of the result; element j is counted in row-major order.
    """
    start = mix32(ops.cast(step, "uint32") + np.uint32(base))
    j = ops.cast(ops.arange(int(np.prod(shape)), dtype="int32"), "uint32")
    high = ops.right_shift(mix32(j + start), np.uint32(16))
    # By int32: uint32 has no direct, fast conversion to float32 on every device.
    return ops.reshape(ops.cast(ops.cast(high, "int32"), "float32") * 2.0**-16, shape)


def mix32(z: Any) -> Any:
    """The 32-bit mixer `lowbias32` (Wellons 2018) on a uint32 tensor."""
    z = ops.bitwise_xor(z, ops.right_shift(z, np.uint32(16))) * np.uint32(0x7FEB352D)
    z = ops.bitwise_xor(z, ops.right_shift(z, np.uint32(15))) * np.uint32(0x846CA68B)
    return ops.bitwise_xor(z, ops.right_shift(z, np.uint32(16)))


def _uniform(draw: U64) -> NDArray[np.float64]:
    """In (0, 1]: ((draw >> 11) + 1)·2^-53."""
    return ((draw >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53


def _mix_int(z: int) -> int:
    return int(mix(np.array([z % 2**64], np.uint64))[0])
