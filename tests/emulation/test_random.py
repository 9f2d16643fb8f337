"""Draws against the definition in Python's integers, and against vectors that must never change."""

import numpy as np
import pytest
from keras import ops

from edgebnn.emulation.random import (
    draws,
    initial_weights,
    mix32,
    permutation,
    rounding_base,
    rounding_noise,
)

G = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
VECTORS = {
    "draws": ["0x2bae97e81acb4af5", "0xb5affe15366f5522"],
    "permutation": [5, 1, 7, 8, 2, 0, 6, 9, 4, 3],
    "base": 1872602174,
    "noise": [12922.0, 1196.0, 49495.0, 32974.0],
}


def mix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def draw(seed: int, stream: int, i: int) -> int:
    return mix(mix(mix(seed + G & MASK) + stream * G & MASK) + (i + 1) * G & MASK)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
@pytest.mark.parametrize("stream", [0, 1000, 2**32 + 19])
def test_draws_are_the_definition(seed: int, stream: int) -> None:
    index = [0, 1, 2**32 + 5, 2**63]
    assert draws(seed, stream, index).tolist() == [draw(seed, stream, i) for i in index]


def test_draws_keep_their_values() -> None:
    assert [hex(int(x)) for x in draws(0, 1000, [0, 1])] == VECTORS["draws"]
    assert permutation(3, 0, 10).tolist() == VECTORS["permutation"]
    assert rounding_base(0, 3000) == VECTORS["base"]
    noise = np.asarray(rounding_noise(rounding_base(0, 3000), 1, (4,)))
    assert (noise * 65536).tolist() == VECTORS["noise"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 63, 64, 65, 1000])
def test_permutation_is_one(count: int) -> None:
    assert sorted(permutation(11, 2, count)) == list(range(count))


def test_permutations_differ_by_epoch_and_seed() -> None:
    orders = [permutation(seed, epoch, 500).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])


def test_mix32_is_the_same_in_a_graph() -> None:
    def plain(z: int) -> int:
        z = (z ^ z >> 16) * 0x7FEB352D % 2**32
        z = (z ^ z >> 15) * 0x846CA68B % 2**32
        return z ^ z >> 16

    z = [0, 1, 2**31 - 1, 2**31, 2**32 - 1]
    mixed = np.asarray(mix32(ops.convert_to_tensor(np.array(z, np.uint32))))
    assert mixed.tolist() == [plain(x) for x in z]


def test_noise_is_uniform_and_new_each_step() -> None:
    first, second = (np.asarray(rounding_noise(12345, t, (100, 500))) for t in (1, 2))
    assert first.min() >= 0
    assert first.max() < 1
    assert abs(first.mean() - 0.5) < 0.005
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_initial_weights_are_normal_and_clipped() -> None:
    w = initial_weights(0, 2, 400, 100)
    assert w.dtype == np.float32
    assert abs(w.std() * 20 - 1) < 0.02
    assert abs(w.mean()) < 1e-3
    assert np.abs(initial_weights(0, 0, 1, 1000)).max() == 1
    assert not np.array_equal(w, initial_weights(0, 3, 400, 100))
