"""Optimiser steps against their formulas, and the binary form of Adam against Adam itself."""

import keras
import numpy as np
import pytest

from edgebnn.emulation.layers import BinaryDense
from edgebnn.emulation.optimizers import SGD, Adam, Bop

RNG = np.random.default_rng(5)
FAN_IN, UNITS = 12, 7


def variables(w0, beta0=None):
    layer = BinaryDense(w0.shape[1])
    layer.build((None, w0.shape[0]))
    layer.w.assign(w0)
    beta = keras.Variable(np.zeros(3, np.float32) if beta0 is None else beta0, name="beta")
    return layer.w, beta


def steps(optimizer, w0, gradients, beta_gradients=None):
    """Weights and beta after each of the gradients."""
    w, beta = variables(w0)
    found = []
    for i, g in enumerate(gradients):
        gb = np.zeros(3, np.float32) if beta_gradients is None else beta_gradients[i]
        optimizer.apply(
            [keras.ops.convert_to_tensor(g), keras.ops.convert_to_tensor(gb)], [w, beta]
        )
        found.append((np.asarray(w).copy(), np.asarray(beta).copy()))
    return found


def start():
    return (RNG.normal(size=(FAN_IN, UNITS)) * 0.1).astype(np.float32)


def test_adam_on_real_gradients_is_keras_adam():
    gradients = RNG.normal(size=(8, FAN_IN, UNITS)).astype(np.float32)
    of_beta = RNG.normal(size=(8, 3)).astype(np.float32)
    w0 = start()
    found = steps(Adam(1e-2), w0, gradients, of_beta)
    w, beta = keras.Variable(w0), keras.Variable(np.zeros(3, np.float32))
    literal = keras.optimizers.Adam(1e-2, epsilon=1e-8)
    for g, gb, (found_w, found_beta) in zip(gradients, of_beta, found, strict=True):
        literal.apply([keras.ops.convert_to_tensor(g), keras.ops.convert_to_tensor(gb)], [w, beta])
        np.testing.assert_allclose(found_w, w, atol=2e-5)
        np.testing.assert_allclose(found_beta, beta, atol=2e-5)


def test_binary_adam_is_literal_adam():
    """Without the second moment: the same weights as Adam with both, given s/sqrt(fan_in)."""
    signs = RNG.choice([-1, 1], (60, FAN_IN, UNITS)).astype(np.float32)
    w0 = start()
    found = steps(Adam(3e-2, weight_gradient="bool"), w0, signs)
    w, m, v = w0.astype(np.float64), 0.0, 0.0
    for t, (s, (found_w, _)) in enumerate(zip(signs, found, strict=True), 1):
        g = s / np.sqrt(FAN_IN)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 3e-2 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = np.clip(w, -1, 1)
        np.testing.assert_allclose(found_w, w, atol=1e-6)
    assert np.abs(w).max() > 0.5


def test_binary_adam_keeps_no_second_moment():
    w, beta = variables(start())
    optimizer = Adam(weight_gradient="bool")
    optimizer.build([w, beta])
    sizes = sorted(int(np.prod(v.shape)) for v in optimizer.variables)
    assert sizes.count(FAN_IN * UNITS) == 1


@pytest.mark.parametrize("momentum_dtype", ["f32", "f16", "q15"])
def test_sgd_on_binary_gradients(momentum_dtype):
    signs = RNG.choice([-1, 1], (30, FAN_IN, UNITS)).astype(np.float32)
    w0 = start()
    found = steps(SGD(0.05, weight_gradient="bool", momentum_dtype=momentum_dtype), w0, signs)
    w, m = w0.astype(np.float64), 0.0
    for s, (found_w, _) in zip(signs, found, strict=True):
        m = 0.9 * m + s / np.sqrt(FAN_IN)
        w = np.clip(w - 0.05 * m, -1, 1)
        np.testing.assert_allclose(found_w, w, atol=1e-5 if momentum_dtype == "f32" else 5e-3)


def test_sgd_on_real_gradients():
    gradients = RNG.normal(size=(3, FAN_IN, UNITS)).astype(np.float32) * 0.1
    w0 = start()
    found = steps(SGD(0.1), w0, gradients, np.ones((3, 3), np.float32))
    m = 0.0
    w = w0
    for g, (found_w, _) in zip(gradients, found, strict=True):
        m = 0.9 * m + g
        w = np.clip(w - 0.1 * m, -1, 1)
        np.testing.assert_allclose(found_w, w, atol=1e-6)
    np.testing.assert_allclose(found[-1][1], -0.1 * (1 + 1.9 + 2.71), rtol=1e-6)


def test_bop_flips_what_insists():
    w0 = np.array([[1, 1, -1, -1]], np.float32)
    g = np.array([[1, -1, 1, -1]], np.float32)
    first, second = steps(Bop(gamma=0.5, tau=0.6), w0, [g, g])
    np.testing.assert_array_equal(first[0], w0)  # |m| = 0.5
    np.testing.assert_array_equal(second[0], [[-1, 1, -1, 1]])  # |m| = 0.75


@pytest.mark.parametrize(("dtype", "bound"), [("f32", 1), ("f16", 1), ("q15", 1), ("i8", 0.25)])
def test_weights_stay_in_their_storage(dtype, bound):
    signs = RNG.choice([-1, 1], (5, FAN_IN, UNITS)).astype(np.float32)
    options = {"weight_dtype": dtype, "weight_gradient": "bool", "momentum_dtype": "i4"}
    for w, _ in steps(Adam(0.3, **options), start(), signs):
        assert np.abs(w).max() <= bound
        scale = {"q15": 32768, "i8": 512}.get(dtype)
        if scale:
            np.testing.assert_array_equal(w * scale, np.rint(w * scale))


def test_stochastic_steps_repeat_with_the_seed_and_differ_without():
    signs = RNG.choice([-1, 1], (4, FAN_IN, UNITS)).astype(np.float32)
    options = {"weight_dtype": "i8", "weight_gradient": "bool", "momentum_dtype": "i8"}
    w0 = start()
    a, b, c = (steps(Adam(1e-3, seed=s, **options), w0, signs)[-1][0] for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
