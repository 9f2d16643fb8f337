"""Training by programs between the products (programs.py) is training, in another order of float sums."""

import json
import zipfile

import keras
import numpy as np
import pytest

from edgebnn.emulation.layers import BatchNorm
from edgebnn.emulation.model import compiled_model
from edgebnn.emulation.programs import gain_by_programs
from edgebnn.study.model_file import parse_network

LAYERS = [
    {"conv": 8}, "batch_norm", "sign",
    {"conv": 12}, {"max_pool": 2}, "batch_norm", "sign",
    {"conv": 8}, "batch_norm", "sign", {"max_pool": 2},
    "flatten", {"dense": 16}, "batch_norm", "sign",
    {"dense": 5}, "batch_norm",
]  # fmt: skip
RESIDUAL = [
    {"conv": 8}, "batch_norm",
    {"residual": {"layers": ["sign", {"conv": 8}, "batch_norm"]}},
    "flatten", {"dense": {"units": 5, "weights": "real"}},
]  # fmt: skip
BATCH = 12


def network(layers):
    return parse_network({"input": [9, 9, 2], "layers": layers}, "test")


def trained(run, steps=5, **options):
    """Losses of some steps on a batch of its own each, and the model."""
    model = compiled_model(run, **options)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(steps):
        images = (2 * rng.integers(0, 256, (BATCH, 9, 9, 2)) - 255).astype(np.float32)
        labels = rng.integers(0, 5, BATCH).astype(np.int32)
        model.reset_metrics()
        losses.append(float(model.train_on_batch(images, labels)[0]))
    return losses, model


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("standard", {"optimizer": {"kind": "sgd", "learning_rate": 1e-4}}),
        ("proposed", {}),
        ("lean", {}),
        ("bare", {"optimizer": {"kind": "bop", "gamma": 0.1, "tau": 0.3}}),
        ("proposed", {"freeze": (1, 2, 3)}),
        ("proposed", {"micro_batch": 6}),
    ],
    ids=["standard", "proposed", "lean", "bare", "frozen", "micro-batches"],
)
def test_steps_are_those_of_one_program(preset, changes, make_run, monkeypatch):
    """Of small steps, after which rounding does not yet decide over signs of X'; `standard` by SGD, as
    Adam's division makes much of what is left of a gradient that is as good as zero."""
    changes = {"optimizer": {"learning_rate": 1e-4}, **changes}
    run = make_run(preset, network=network(LAYERS), batch_size=BATCH, **changes)
    losses, model = trained(run, jit_compile=True)
    monkeypatch.setattr("edgebnn.emulation.model.gain_by_programs", lambda network: False)
    expected, whole = trained(run, jit_compile=True)
    assert (model.optimizer.in_a_program, model.jit_compile) == (True, False)
    assert (whole.optimizer.in_a_program, whole.jit_compile) == (False, True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    began = everything(compiled_model(run))
    for found, wanted, start in zip(everything(model), everything(whole), began, strict=True):
        moved = wanted.numpy() - start.numpy()
        apart = np.abs(found.numpy() - wanted.numpy()) > 1e-3 * np.abs(moved).max()
        # Where a gradient is as good as zero, its sign is a matter of rounding.
        assert np.mean(apart) <= 0.01, found.path
    norms = [layer for layer in model.layers if isinstance(layer, BatchNorm)]
    assert [np.any(norm.moving_mu) for norm in norms] == [norm.trainable for norm in norms]


def everything(model):
    return [*model.variables, *model.optimizer.variables]


def test_the_saved_model_is_one_of_keras_own_and_predicts_alike(make_run, tmp_path):
    run = make_run("proposed", network=network(LAYERS), batch_size=BATCH)
    _, model = trained(run, jit_compile=True)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        assert json.loads(file.read("config.json"))["class_name"] == "Functional"
    again = keras.models.load_model(tmp_path / "m.keras")
    images = np.random.default_rng(1).integers(-255, 256, (4, 9, 9, 2)).astype(np.float32)
    np.testing.assert_allclose(model.predict(images, verbose=0), again(images), rtol=1e-6)


@pytest.mark.parametrize(
    ("layers", "gains"),
    [(LAYERS, True), (RESIDUAL, False), (["flatten", {"dense": 5}, "batch_norm"], False)],
    ids=["convolutions", "residual", "dense"],
)
def test_networks_of_convolutions_in_a_line_gain(layers, gains):
    assert gain_by_programs(network(layers)) == gains
