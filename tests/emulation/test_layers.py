"""Each layer's forward and backward against the formulas of docs/numerics.md in plain numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from edgebnn.emulation.layers import (
    BatchNorm,
    BinaryConv2D,
    BinaryDense,
    MaxPool2D,
    RealConv2D,
    RealDense,
    Sign,
)
from edgebnn.emulation.loss import SummedCrossEntropy
from edgebnn.emulation.precision import exact_sums
from edgebnn.study.model_file import parse_network

RNG = np.random.default_rng(3)


def gradients(layer, x, upstream, **call):
    """Output, dX and the gradients of the layer's trainable weights for a given upstream."""
    x = tf.constant(x)
    with exact_sums(), tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
        scalar = tf.reduce_sum(y * tf.constant(upstream))
        dx, *dw = tape.gradient(scalar, [x, *[v.value for v in layer.trainable_weights]])
    return np.asarray(y), np.asarray(dx), [np.asarray(d) for d in dw]


def sgn(x):
    return np.where(x >= 0, 1, -1).astype(np.float32)


@pytest.mark.parametrize("weight_gradient", ["f32", "bool"])
def test_binary_dense(weight_gradient):
    layer = BinaryDense(5, weight_gradient, reduction="sum")
    layer.build((None, 9))
    w = RNG.normal(size=(9, 5)).astype(np.float32)
    w[0, :2] = 0, -0.0
    layer.w.assign(w)
    x = RNG.integers(-255, 256, (7, 9)).astype(np.float32)
    x[:, 2] = 0  # its dW is 0, whose sign is +1
    dy = RNG.normal(size=(7, 5)).astype(np.float32)
    y, dx, (dw,) = gradients(layer, x, dy)
    np.testing.assert_array_equal(y, x @ sgn(w))
    np.testing.assert_allclose(dx, dy @ sgn(w).T, rtol=1e-5, atol=1e-6)
    expected = x.astype(np.float64).T @ dy
    if weight_gradient == "bool":
        np.testing.assert_array_equal(dw, sgn(expected))
        assert (dw[2] == 1).all()
    else:
        np.testing.assert_allclose(dw, expected / 7, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("weight_gradient", ["f32", "bool"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel, stride", [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2), (5, 3), (1, 2)])
def test_binary_conv(kernel, stride, padding, weight_gradient):
    layer = BinaryConv2D(
        7, kernel, stride, padding, weight_gradient=weight_gradient, reduction="sum"
    )
    layer.build((None, 6, 9, 5))
    w = RNG.normal(size=(kernel, kernel, 5, 7)).astype(np.float32)
    w[0, 0, :2, 0] = 0, -0.0
    layer.w.assign(w)
    x = RNG.integers(-255, 256, (4, 6, 9, 5)).astype(np.float32)
    x[..., 2] = 0  # its dW is 0, whose sign is +1
    shape = layer.compute_output_shape(x.shape)
    dy = RNG.normal(size=shape).astype(np.float32)
    y, dx, (dw,) = gradients(layer, x, dy)
    expected_y, expected_dx = np.zeros(shape), np.zeros(x.shape)
    expected_dw, signs = np.zeros(w.shape), sgn(w)
    total = [
        max((out - 1) * stride + kernel - size, 0) if padding == "same" else 0
        for out, size in zip(shape[1:3], x.shape[1:3], strict=True)
    ]
    for row, column, ky, kx in np.ndindex(*shape[1:3], kernel, kernel):
        a, b = row * stride + ky - total[0] // 2, column * stride + kx - total[1] // 2
        if 0 <= a < x.shape[1] and 0 <= b < x.shape[2]:
            expected_y[:, row, column] += x[:, a, b] @ signs[ky, kx]
            expected_dx[:, a, b] += dy[:, row, column] @ signs[ky, kx].T
            expected_dw[ky, kx] += x[:, a, b].T @ dy[:, row, column]
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-5, atol=1e-6)
    if weight_gradient == "bool":
        np.testing.assert_array_equal(dw, sgn(expected_dw))
        assert (dw[:, :, 2] == 1).all()
    else:
        np.testing.assert_allclose(dw, expected_dw / 4, rtol=1e-5, atol=1e-3)


def test_conv_is_exact_in_float32():
    layer = BinaryConv2D(33)
    x = RNG.choice([-1, 1], (2, 5, 5, 512)).astype(np.float32)
    layer.build(x.shape)
    y = np.asarray(layer(x))
    with exact_sums():
        np.testing.assert_array_equal(y, layer(x))
    np.testing.assert_array_equal(y, np.round(y))


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (5, 7), (3, 2)])
@pytest.mark.parametrize("largest", [1, 3, 1000])  # signs and small integers: many are equal
def test_max_pool(size, largest):
    x = RNG.integers(-largest, largest + 1, (3, *size, 5)).astype(np.float32)
    rows, columns = size[0] // 2, size[1] // 2
    g = RNG.normal(size=(3, rows, columns, 5)).astype(np.float32)
    y, dx, _ = gradients(MaxPool2D(), x, g)
    assert MaxPool2D().compute_output_shape(x.shape) == g.shape
    expected = np.zeros_like(x)
    for b, row, column, c in np.ndindex(g.shape):
        window = x[b, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2, c]
        assert y[b, row, column, c] == window.max()
        down, right = divmod(int(window.argmax()), 2)  # the first largest, row by row
        expected[b, 2 * row + down, 2 * column + right, c] = g[b, row, column, c]
    np.testing.assert_array_equal(dx, expected)


@pytest.mark.parametrize("kind", ["l2", "l1", "bnn"])
@pytest.mark.parametrize("shape", [(8, 6), (2, 3, 4, 6)], ids=["dense", "map"])
def test_batch_norm(kind, shape):
    layer = BatchNorm(kind, reduction="sum")
    y = RNG.integers(-30, 31, shape).astype(np.float32)
    g = RNG.normal(size=shape).astype(np.float32)
    layer.build(shape)
    beta = RNG.normal(size=6).astype(np.float32)
    layer.beta.assign(beta)
    out, dy, (dbeta,) = gradients(layer, y, g, training=True)
    axes = tuple(range(len(shape) - 1))
    d = y - y.mean(axes)
    psi = np.sqrt((d * d).mean(axes) + 1e-5) if kind == "l2" else np.abs(d).mean(axes)
    xn, v = d / psi, g / psi
    x = xn + beta
    match kind:
        case "l2":
            expected = v - v.mean(axes) - (v * xn).mean(axes) * xn
        case "l1":
            expected = v - v.mean(axes) - (v * xn).mean(axes) * sgn(xn)
        case "bnn":
            expected = v - v.mean(axes) - (v * sgn(x)).mean(axes) * np.abs(x).mean(axes) * sgn(x)
    np.testing.assert_allclose(out, x, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dy, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dbeta, g.sum(axes) / shape[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mu, 0.1 * y.mean(axes), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer.moving_psi, 0.9 + 0.1 * psi, rtol=1e-5)
    moved = (y - layer.moving_mu.numpy()) / layer.moving_psi.numpy() + beta
    np.testing.assert_allclose(layer(y, training=False), moved, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["l1", "bnn", "bnn-xn"])
def test_a_dead_channel_gives_beta_and_no_gradient(kind):
    layer = BatchNorm(kind)
    y = np.array([[3, 1], [3, 2], [3, -3]], np.float32)
    layer.build(y.shape)
    layer.beta.assign([0.5, 0])
    out, dy, _ = gradients(layer, y, np.ones_like(y), training=True)
    np.testing.assert_array_equal(out[:, 0], 0.5)
    np.testing.assert_array_equal(dy[:, 0], 0)
    assert np.isfinite(dy).all()
    layer.moving_psi.assign([0, 1])
    np.testing.assert_array_equal(layer(y)[:, 0], 0.5)


@pytest.mark.parametrize("kind", ["l1", "l2", "bnn", "bnn-xn"])
def test_a_moving_psi_that_decayed_is_a_dead_channels(kind):
    layer = BatchNorm(kind)
    y = np.array([[3, 3], [-5, -5]], np.float32)
    layer.build(y.shape)
    layer.beta.assign([0.5, 0.5])
    layer.moving_psi.assign([np.nextafter(np.float32(2**-10), np.float32(0)), 2**-10])
    np.testing.assert_array_equal(layer(y)[:, 0], 0.5)
    np.testing.assert_array_equal(layer(y)[:, 1], [3072.5, -5119.5])


@pytest.mark.parametrize("ste", ["clip", "identity"])
def test_sign(ste):
    x = np.array([[-2, -1, -0.5, -0.0], [0, 0.5, 1, 1.5]], np.float32)
    g = np.arange(1, 9, dtype=np.float32).reshape(2, 4)
    y, dx, _ = gradients(Sign(ste), x, g)
    np.testing.assert_array_equal(y, [[-1, -1, -1, 1], [1, 1, 1, 1]])
    np.testing.assert_array_equal(dx, g * (np.abs(x) <= 1) if ste == "clip" else g)


def test_gradients_are_stored():
    x = np.zeros((2, 3), np.float32)
    g = np.float32(1) / np.array([[3, 7, 9], [11, 13, 17]], np.float32)
    _, dx, _ = gradients(Sign("clip", "f16"), x, g)
    np.testing.assert_array_equal(dx, g.astype(np.float16).astype(np.float32))


def test_loss_is_the_mean_and_its_gradient_the_sums():
    z = (RNG.normal(size=(6, 4)) * 30).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 0, 1])
    logits = tf.constant(z)
    with exact_sums(), tf.GradientTape() as tape:
        tape.watch(logits)
        loss = SummedCrossEntropy()(labels, logits)
        dz = tape.gradient(loss, logits)
    e = np.exp(z.astype(np.float64) - z.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    np.testing.assert_allclose(loss, -np.log(p[np.arange(6), labels]).mean(), rtol=1e-6)
    expected = (p - np.eye(4)[labels]).astype(np.float32)
    np.testing.assert_allclose(dz, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("stride, padding", [(1, "valid"), (2, "same"), (3, "valid"), (1, "same")])
def test_windows_of_three(stride, padding):
    """As TensorFlow pools, where no two elements of a window are equal."""
    x = RNG.permutation(2 * 8 * 9 * 3).reshape(2, 8, 9, 3).astype(np.float32)
    layer = MaxPool2D(3, stride, padding)
    g = RNG.normal(size=layer.compute_output_shape(x.shape)).astype(np.float32)
    y, dx, _ = gradients(layer, x, g)
    with tf.GradientTape() as tape:
        watched = tf.Variable(x)
        expected = tf.nn.max_pool2d(watched, 3, stride, padding.upper())
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(dx, tape.gradient(expected, watched, g), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 7, 3)], ids=["dense", "conv"])
def test_real_weights(shape):
    sums = {"reduction": "sum"}
    layer = RealDense(4, **sums) if len(shape) == 2 else RealConv2D(4, 3, 2, "same", **sums)
    x = RNG.normal(size=shape).astype(np.float32)
    layer.build((None, *shape[1:]))
    g = RNG.normal(size=layer.compute_output_shape(shape)).astype(np.float32)
    y, dx, (dw,) = gradients(layer, x, g)
    with tf.GradientTape() as tape:
        x, w = tf.Variable(x), tf.Variable(layer.trainable_weights[0])
        expected = x @ w if len(shape) == 2 else tf.nn.conv2d(x, w, 2, "SAME")
    expected_dx, expected_dw = tape.gradient(expected, [x, w], g)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dw, expected_dw / 6, rtol=1e-4, atol=1e-5)


RESIDUAL = {
    "input": [4, 5, 1],
    "layers": [{"conv": {"filters": 6, "weights": "real"}}, "batch_norm",
               {"max_pool": {"size": 3, "stride": 1, "padding": "same"}}, "batch_norm",
               {"residual": {"layers": ["sign", {"conv": 6}, "batch_norm"]}},
               {"residual": {"layers": ["sign", {"conv": {"filters": 9, "stride": 2}}, "batch_norm"],
                             "shortcut": [{"conv": {"filters": 9, "kernel": 1, "stride": 2, "weights": "real"}},
                                          "batch_norm"]}},
               "global_avg_pool", {"dense": {"units": 5, "weights": "real"}}],
}  # fmt: skip
CONVOLUTIONS = {
    "input": [4, 5, 1],
    "layers": [{"conv": 7}, "batch_norm", "sign", {"max_pool": 2},
               {"conv": {"filters": 5, "kernel": 5}}, {"max_pool": 2}, "batch_norm", "sign",
               "flatten", {"dense": 5}, "batch_norm"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "network", [None, CONVOLUTIONS, RESIDUAL], ids=["dense", "conv", "residual"]
)
def test_layers_survive_a_keras_file(network, make_run, tmp_path, blobs):
    from edgebnn.emulation.batches import centred
    from edgebnn.emulation.model import compiled_model

    changes = {"network": parse_network(network, "test")} if network else {}
    run = make_run("lean", optimizer={"kind": "bop"}, **changes)
    model = compiled_model(run, jit_compile=False)
    images, labels = centred(blobs.train.images[:50]), blobs.train.labels[:50].astype(np.int32)
    model.train_on_batch(images, labels)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model(images), again(images))
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for model_ in (model, again):
        model_.train_on_batch(images, labels)
    for a, b in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a, b)
