"""Every storage against its definition in plain numpy, eagerly and compiled."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from edgebnn.emulation.storage import GRADIENTS, MOMENTA, WEIGHTS

RNG = np.random.default_rng(0)
SPREAD = np.concatenate(
    [
        (RNG.normal(size=4000) * 10.0 ** RNG.uniform(-9, 1, 4000)).astype(np.float32),
        np.array([0, -0.0, 1, -1, 2, -2, 0.25, -0.25, 2**-14, 2**-25, 3 * 2**-25], np.float32),
        np.array([65504, 65519.996, 65520, -70000, 1 + 2**-11, 1 + 3 * 2**-11], np.float32),
    ]
)
UNIFORM = (RNG.integers(0, 65536, SPREAD.size) / 65536).astype(np.float32)
GRIDS = {
    ("weights", "q15"): (32768, -32768, 32767, False),
    ("weights", "i8"): (512, -128, 127, True),
    ("momenta", "q15"): (32768, -32768, 32767, False),
    ("momenta", "i8"): (127, -127, 127, True),
    ("momenta", "i4"): (7, -7, 7, True),
}
STORES = {
    "weights": WEIGHTS,
    "momenta": MOMENTA,
    "gradients": {name: partial(store, by_sample=False) for name, store in GRADIENTS.items()},
}
COMPILED = pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])


def run(store, x, noise=None, compiled=False):
    arguments = [] if noise is None else [lambda: tf.constant(noise)]
    compute = tf.function(lambda y: store(y, *arguments), jit_compile=compiled)
    return np.asarray(compute(tf.constant(x)))


@COMPILED
@pytest.mark.parametrize("kind", STORES)
def test_f32_keeps_everything(kind, compiled):
    np.testing.assert_array_equal(run(STORES[kind]["f32"], SPREAD, compiled=compiled), SPREAD)


@COMPILED
@pytest.mark.parametrize("kind", STORES)
def test_f16_is_ieee_half(kind, compiled):
    with np.errstate(over="ignore"):
        expected = SPREAD.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(run(STORES[kind]["f16"], SPREAD, compiled=compiled), expected)


@COMPILED
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize(("kind", "name"), GRIDS)
def test_fixed_point(kind, name, noisy, compiled):
    scale, low, high, stochastic = GRIDS[kind, name]
    steps = SPREAD * np.float32(scale)
    k = np.floor(steps + UNIFORM) if noisy and stochastic else np.rint(steps)
    expected = np.clip(k, low, high).astype(np.float32) * np.float32(1 / scale)
    found = run(STORES[kind][name], SPREAD, UNIFORM if noisy else None, compiled)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("kind", "name"), GRIDS)
def test_fixed_point_storage_is_unbiased_or_nearest(kind, name):
    scale, _, _, stochastic = GRIDS[kind, name]
    x = np.full(200_000, 0.3 / scale, np.float32)
    uniform = (np.random.default_rng(1).integers(0, 65536, x.size) / 65536).astype(np.float32)
    mean = run(STORES[kind][name], x, uniform).mean() * scale
    assert abs(mean - (0.3 if stochastic else 0)) < 0.005


@COMPILED
@pytest.mark.parametrize("by_sample", [False, True])
@pytest.mark.parametrize(
    ("name", "largest", "spread"), [("i16", 8191, None), ("i8", 127, 6), ("i6", 31, 8)]
)
def test_shared_exponent(name, largest, spread, by_sample, compiled):
    x = SPREAD[:4000].reshape(4, -1, 8).copy()
    x[..., 3] = 0
    x[..., 4] *= 1e-4
    x[0, 0, 5], x[:, 1:, 5] = largest * 2.0**-7, 0.001  # exactly fits
    x[0, 0, 6], x[:, 1:, 6] = np.nextafter(np.float32(largest * 2.0**-7), np.float32(99)), 0.001
    expected = np.empty_like(x)
    for sample in [slice(b, b + 1) for b in range(4)] if by_sample else [slice(None)]:
        groups = [slice(None)] if spread is None else [slice(c, c + 1) for c in range(8)]
        tops = [np.abs(x[sample, :, group]).max() for group in groups]
        smallest = [min(e for e in range(-126, 99) if largest * 2.0**e >= top) for top in tops]
        for group, e in zip(groups, smallest, strict=True):
            if spread is not None and not by_sample:
                e = max(e, max(smallest) - spread)  # noqa: PLW2901
            expected[sample, :, group] = np.rint(x[sample, :, group] * 2.0**-e) * 2.0**e
    store = partial(GRADIENTS[name], by_sample=by_sample)
    np.testing.assert_array_equal(run(store, x, compiled=compiled), expected)


def test_a_dense_layer_s_bytes_have_an_exponent_each_within_a_sample():
    x = np.array([[1.0, 3e-5], [-7.0, 0.0]], np.float32)
    np.testing.assert_allclose(run(partial(GRADIENTS["i8"], by_sample=True), x), x, rtol=0.004)


@pytest.mark.parametrize("name", ["i16", "i8", "i6"])
def test_shared_exponent_of_zeros_is_zeros(name):
    for by_sample in (False, True):
        store = partial(GRADIENTS[name], by_sample=by_sample)
        assert not run(store, np.zeros((3, 2), np.float32)).any()
