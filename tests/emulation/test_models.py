"""The model files build, and a step of training moves every weight and stays finite."""

from pathlib import Path

import numpy as np
import pytest

from edgebnn.emulation.model import build_model, compiled_model, latent_weights
from edgebnn.emulation.random import initial_weights
from edgebnn.errors import ConfigError
from edgebnn.study.model_file import load_network, parse_network
from edgebnn.study.switches import PRESETS

MODELS = Path(__file__).parents[2] / "config" / "models"


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["standard", "proposed"])
@pytest.mark.parametrize(
    "name, batch", [("cnv", 8), ("binarynet", 8), ("resnete18", 2), ("bireal18", 2)]
)
def test_a_step(name, batch, preset, make_run):
    network = load_network(name, MODELS)
    run = make_run(preset, network=network, model=name, batch_size=batch)
    model = compiled_model(run, jit_compile=False)
    rng = np.random.default_rng(0)
    images = (2 * rng.integers(0, 256, (batch, *network.input)) - 255).astype(np.float32)
    before = [variable.numpy() for variable in model.trainable_variables]
    loss = model.train_on_batch(images, np.arange(batch, dtype=np.int32))[0]
    assert np.isfinite(loss)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        new = variable.numpy()
        assert np.isfinite(new).all(), variable.path
        assert (new != old).any(), variable.path
    assert sum(np.prod(v.shape) for v in latent_weights(model)) == sum(
        placed.weights
        for placed in network.placed()
        if getattr(placed.layer, "weights", "") == "binary"
    )


def test_weights_are_numbered_as_the_layers_stand():
    layers = [
        {"conv": {"filters": 5, "kernel": 3}},
        "batch_norm",
        {"residual": {"layers": ["sign", {"conv": 5}, "batch_norm"],
                      "shortcut": [{"conv": {"filters": 5, "kernel": 1, "weights": "real"}}]}},
        "flatten",
        {"dense": {"units": 3, "weights": "real"}},
    ]  # fmt: skip
    network = parse_network({"input": [4, 4, 2], "layers": layers}, "test")
    model = build_model(network, PRESETS["standard"], 7)
    found = {v.shape: v.numpy() for v in model.trainable_variables if len(v.shape) > 1}
    for layer, shape in enumerate([(3, 3, 2, 5), (3, 3, 5, 5), (1, 1, 5, 5), (80, 3)]):
        expected = initial_weights(7, layer, int(np.prod(shape[:-1])), shape[-1])
        np.testing.assert_array_equal(found[shape].reshape(expected.shape), expected)


def test_a_product_without_batch_norm_is_refused():
    network = parse_network(
        {"input": [4, 4, 1], "layers": [{"conv": 3}, {"max_pool": 2}, "flatten", {"dense": {"units": 2, "weights": "real"}}]},
        "test",
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"layer 1 \(conv\): put 'batch_norm' after it"):
        build_model(network, PRESETS["standard"], 0)
