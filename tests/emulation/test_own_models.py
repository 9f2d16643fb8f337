"""The layers in models of other people: Keras' losses, layers and optimisers beside them."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from edgebnn.emulation import (
    SGD,
    Adam,
    BatchNorm,
    BinaryConv2D,
    BinaryDense,
    Bop,
    MaxPool2D,
    RealConv2D,
    RealDense,
    Sign,
    SummedCrossEntropy,
)

RNG = np.random.default_rng(11)
CLASSES = 4
FALLING = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.5)


def data(count=70):
    """Images [count, 6, 6, 2] of small integers and labels."""
    x = RNG.integers(-3, 4, (count, 6, 6, 2)).astype(np.float32)
    return x, RNG.integers(0, CLASSES, count)


def real_model(ours, reduction="mean"):
    """Convolution, batch norm, relu, dense, batch norm, of our layers or of Keras' own; same weights."""
    k = keras.layers
    norm = {"scale": False, "epsilon": 1e-5, "momentum": 0.9}
    r = {"reduction": reduction}
    theirs = [
        k.Conv2D(5, 3, padding="same", use_bias=False),
        k.BatchNormalization(**norm),
        k.ReLU(),
        k.Flatten(),
        k.Dense(CLASSES, use_bias=False),
        k.BatchNormalization(**norm),
    ]
    own = [
        RealConv2D(5, 3, **r),
        BatchNorm("l2", **r),
        k.ReLU(),
        k.Flatten(),
        RealDense(CLASSES, **r),
        BatchNorm("l2", **r),
    ]
    model = keras.Sequential([keras.Input((6, 6, 2)), *(own if ours else theirs)])
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    return model


def trained(model, loss, steps=8):
    """Weights after plain SGD with momentum, and the loss of each step; the last batch is smaller."""
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, jit_compile=False)
    x, y = data()
    losses = []
    for step in range(steps):
        batch = slice(0, 32) if step % 2 else slice(32, 70)
        losses.append(float(model.train_on_batch(x[batch], y[batch])))
    return losses, [np.asarray(v) for v in model.trainable_variables]


MEAN = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SUM = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")


@pytest.mark.parametrize(
    ("reduction", "loss"),
    [("mean", MEAN), ("sum", SummedCrossEntropy()), ("sum", SUM)],
    ids=["mean", "summed cross-entropy", "sum"],
)
def test_trains_as_keras_own_layers(reduction, loss):
    """Step by step: an optimiser takes the gradient of the mean loss, whatever flows between layers."""
    state = RNG.bit_generator.state
    expected_losses, expected = trained(real_model(ours=False), MEAN)
    RNG.bit_generator.state = state
    losses, weights = trained(real_model(True, reduction), loss)
    if loss is not SUM:
        np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def mixed_model(**options):
    """Two inputs and two branches, latent weights among Keras' own variables."""
    k = keras.layers
    image, side = keras.Input((6, 6, 2)), keras.Input((3,))
    x = BinaryConv2D(6, padding="same", integers=True, **options)(image)
    x = MaxPool2D()(BatchNorm("bnn")(x))
    x = Sign()(x)
    left = k.Flatten()(BinaryConv2D(4, 2, padding="valid", **options)(x))
    right = k.Dense(4, activation="tanh")(side)
    x = k.Concatenate()([Sign()(BatchNorm("bnn")(left)), right])
    x = BatchNorm("l1")(BinaryDense(8, **options)(x))
    return keras.Model([image, side], k.Dense(CLASSES)(x))


OPTIMIZERS = [
    lambda: Adam(0.01, weight_dtype="i8", momentum_dtype="i4", weight_gradient="bool", seed=3),
    lambda: SGD(0.01, weight_dtype="q15"),
    lambda: Bop(FALLING, 0.05, 0.02, 1e-3, weight_gradient="bool", momentum_dtype="i8"),
    lambda: keras.optimizers.Adam(0.5),
]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["adam", "sgd", "bop", "keras"])
def test_training_goes_on_from_a_file(optimizer, tmp_path):
    """fit, save, load_model, fit is fit: to the bit. Latent weights stay in [-1, 1], by any optimiser."""
    images, labels = data(64)
    x = [images, RNG.normal(size=(64, 3)).astype(np.float32)]
    made = optimizer()
    signs = getattr(made, "weight_gradient", "f32")
    keras.utils.set_random_seed(1)
    model = mixed_model(weight_gradient=signs)
    model.compile(made, MEAN, jit_compile=False)
    fit = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model.fit(x, labels, epochs=2, **fit)
    model.save(tmp_path / "own.keras")
    again = keras.models.load_model(tmp_path / "own.keras")
    first = model.fit(x, labels, epochs=2, **fit).history["loss"]
    assert again.fit(x, labels, epochs=2, **fit).history["loss"] == first
    for found, wanted in zip(again.variables, model.variables, strict=True):
        np.testing.assert_array_equal(found, wanted)
    latent = [v for v in model.trainable_variables if v.name == "latent_weights"]
    assert len(latent) == 3
    assert all(np.abs(v).max() <= 1 for v in latent)
    assert any(np.abs(v).max() > 1 for v in model.trainable_variables) == (
        optimizer is OPTIMIZERS[-1]
    )


@pytest.mark.slow
def test_a_fresh_process_loads_a_model(tmp_path):
    """One name imported makes all of them known, optimisers and loss too."""
    model = keras.Sequential([keras.Input((6,)), RealDense(3, reduction="sum")])
    model.compile(SGD(0.5), SummedCrossEntropy("f16"))
    model.save(tmp_path / "own.keras")
    script = (
        "import sys, edgebnn.emulation\n"
        "assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)\n"
        "from edgebnn.emulation import Sign\n"
        "import keras\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "print(type(model.optimizer).__name__, model.loss.gradient_dtype, model.layers[0].reduction)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "own.keras")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["SGD", "f16", "sum"]


def test_files_without_the_newer_arguments_mean_sums():
    """Models saved by the stage `emulate` before there was a choice."""
    for layer in (BinaryDense(3), RealDense(3), BatchNorm(), BinaryConv2D(3), RealConv2D(3)):
        config = layer.get_config()
        old = {k: v for k, v in config.items() if k not in ("reduction", "integers")}
        again = type(layer).from_config(old).get_config()
        assert again["reduction"] == "sum"
        assert again.get("integers", True)
        assert type(layer).from_config(config).get_config() == config


def test_real_inputs_are_not_rounded():
    x = RNG.normal(size=(2, 5, 5, 3)).astype(np.float32)
    layer = BinaryConv2D(4)
    y = np.asarray(layer(x))
    signs = np.where(np.asarray(layer.w) >= 0, 1, -1)
    np.testing.assert_allclose(
        y[:, 2, 2], np.tensordot(x[:, 1:4, 1:4], signs, 3), rtol=1e-4, atol=1e-5
    )
    whole = BinaryConv2D(4, integers=True)
    np.testing.assert_array_equal(whole(x), np.round(whole(x)))


def test_under_mixed_precision_the_layers_stay_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((6,)), BinaryDense(3), BatchNorm(), Sign()])
        assert np.asarray(model(np.ones((2, 6)))).dtype == np.float32
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match=r"Sign: dtype: found 'float16', allowed are float32"):
        Sign(dtype="float16")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BinaryDense(0), "BinaryDense: units: found 0, allowed are integers from 1"),
        (lambda: RealDense(2.5), "RealDense: units: found 2.5, allowed"),
        (lambda: RealDense(True), "RealDense: units: found True, allowed"),
        (lambda: BinaryConv2D(-3), "BinaryConv2D: filters: found -3, allowed"),
        (lambda: RealConv2D(3, (3, 3)), r"RealConv2D: kernel: found \(3, 3\), allowed"),
        (lambda: MaxPool2D(2, 0), "MaxPool2D: stride: found 0, allowed are integers from 1"),
        (lambda: MaxPool2D(padding="full"), "padding: found 'full', allowed are same, valid"),
        (lambda: BinaryConv2D(3, padding="SAME"), "padding: found 'SAME', allowed are same, valid"),
        (lambda: BinaryDense(3, "sign"), "weight_gradient: found 'sign', allowed are f32, bool"),
        (lambda: BatchNorm("l3"), "BatchNorm: kind: found 'l3', allowed are l2, l1, bnn, bnn-xn"),
        (lambda: BatchNorm("l2", "f8"), "gradient_dtype: found 'f8', allowed are f32, f16, i16"),
        (lambda: Sign("clipped"), "Sign: ste: found 'clipped', allowed are clip, identity"),
        (lambda: Sign("clip", None), "Sign: gradient_dtype: found None, allowed are f32, f16"),
        (lambda: RealDense(3, reduction="none"), "reduction: found 'none', allowed are mean, sum"),
        (lambda: Adam(weight_dtype="i4"), "Adam: weight_dtype: found 'i4', allowed are f32, f16"),
        (lambda: SGD(momentum_dtype="i2"), "SGD: momentum_dtype: found 'i2', allowed are f32"),
        (lambda: SGD(momentum_dtype="i8"), "i8 holds averages of signs.* weight_gradient='bool'"),
        (lambda: Adam(weight_dtype="bool"), "Adam: weight_dtype: bool keeps no latent weights"),
        (lambda: Bop(0.0), "Bop: full_rate: found 0.0, allowed are numbers above 0"),
        (lambda: Bop(FALLING), "Bop: full_rate: found <.*ExponentialDecay.* name it with a schedule"),
        (lambda: Bop(gamma=2.0), "Bop: gamma: found 2.0, allowed are numbers above 0, to 1"),
        (lambda: Bop(tau=-1e-3), "Bop: tau: found -0.001, allowed are numbers from 0"),
        (lambda: SummedCrossEntropy("int"), "SummedCrossEntropy: gradient_dtype: found 'int'"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (BinaryDense(3), (None,), "the length of its last axis must be known"),
        (BatchNorm(), (5, 5, None), "the length of its last axis must be known"),
        (RealConv2D(3), (5, 5, None), "the length of its last axis must be known"),
        (BinaryDense(3), (5, 5, 2), r"\(None, 5, 5, 2\), allowed is \[batch, features\]; put .*Flatten"),
        (BinaryConv2D(3), (5, 5), r"allowed is \[batch, height, width, channels\]"),
        (BinaryConv2D(3, 5, padding="valid"), (4, 9, 2), "no window of 5 x 5 fits"),
        (MaxPool2D(), (None, 5, 2), "all but the batch must be known"),
        (MaxPool2D(3), (2, 5, 2), "no window of 3 x 3 fits"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(keras.Input(shape))


def test_maps_of_any_size_go_through_convolutions():
    model = keras.Sequential(
        [
            keras.Input((None, None, 2)),
            BinaryConv2D(4, 3, 2),
            BatchNorm(),
            Sign(),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    assert model.output_shape == (None, 4)
    assert model(np.ones((2, 7, 9, 2))).shape == (2, 4)
