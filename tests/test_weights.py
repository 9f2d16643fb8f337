"""A trained network as the initial weights of another training: from Keras, from a board, from a record."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, read_packed, write_packed
from edgebnn.emulation.backend import load_backend
from edgebnn.errors import ConfigError
from edgebnn.record import Artifact, Record, file_sha256, provenance
from edgebnn.study.model_file import parse_network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS
from edgebnn.trainer.network_file import read_network
from edgebnn.trainer.run_file import run_file
from edgebnn.weights import LEAST, write_initial_weights
from edgebnn.weights_file import read_weights

load_backend(threads=1)

import keras  # noqa: E402

from edgebnn.emulation.initial import initial_weights_of  # noqa: E402
from edgebnn.emulation.model import build_model, compiled_model  # noqa: E402

LAYERS = [
    {"conv": 9}, {"max_pool": 2}, "batch_norm", "sign",
    {"conv": 7}, "batch_norm", "sign", "flatten", {"dense": 5}, "batch_norm",
]  # fmt: skip


def run_of(**changes: Any) -> Run:
    network = parse_network({"input": [8, 6, 2], "layers": LAYERS}, "test")
    fields = {
        "stage": "device", "dataset": "d", "model": "m", "network": network, "epochs": 2, "seed": 3,
        "switches": PRESETS["proposed"], "optimizer": Optimizer(learning_rate=0.01), "batch_size": 20,
    }  # fmt: skip
    return Run(**{**fields, **changes})


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(2)
    prototypes = rng.integers(0, 160, (5, 8, 6, 2))
    labels = rng.integers(0, 5, 300).astype(np.uint8)
    images = (prototypes[labels] + rng.integers(0, 96, (300, 8, 6, 2))).astype(np.uint8)
    cuts = (slice(0, 200), slice(200, 250), slice(250, 300))
    path = tmp_path_factory.mktemp("data") / "d.ebd"
    write_packed(path, Packed(5, *(Split(images[cut], labels[cut]) for cut in cuts)))
    return path


@pytest.fixture(scope="session")
def train(built: Callable[[str], Path], data: Path) -> Any:
    """Trains on the trainer; returns the last event and the exported network."""

    def call(run: Run, folder: Path, initial: Path | None = None) -> tuple[Any, Path]:
        (folder / "run.txt").write_text(run_file(run, initial))
        words = [built("native") / "edgebnn-train", "--run", folder / "run.txt", "--data", data]
        words += ["--export", folder / "network.ebn"]
        words += ["--init", initial] if initial else []
        done = subprocess.run([*map(str, words)], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]), folder / "network.ebn"

    return call


def saved(model: Any, path: Path) -> Path:
    model.save(path)
    return path


def test_a_keras_file_is_taken_as_it_is(tmp_path: Path) -> None:
    model = build_model(run_of().network, PRESETS["standard"], 4)
    for norm in (layer for layer in model.layers if hasattr(layer, "moving_mu")):
        norm.moving_mu.assign(norm.moving_mu + 3)
    write_initial_weights(saved(model, tmp_path / "a.keras"), tmp_path / "a.ebw")
    found, expected = read_weights(tmp_path / "a.ebw"), initial_weights_of(model)
    for ours, theirs in zip(found.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [layer.shape for layer in found.layers] == [(18, 9), (81, 7), (84, 5)]
    assert all((norm.mu == 3).all() for norm in found.norms)


def test_a_boards_network_predicts_the_same(train: Any, data: Path, tmp_path: Path) -> None:
    """In either engine: its weights have the same signs, its batch norms are the same."""
    event, network = train(run_of(), tmp_path)
    write_initial_weights(network, tmp_path / "a.ebw")
    found = read_weights(tmp_path / "a.ebw")
    for ours, block in zip(found.layers, read_network(network).blocks, strict=True):
        np.testing.assert_array_equal(
            np.sign(ours), block.weights.reshape(len(block.weights), -1).T
        )
        assert (abs(ours) >= LEAST).all()
    begun = run_of(init="it", freeze=(1,), stage="emulate")
    model = compiled_model(begun, tmp_path / "a.ebw")
    test = read_packed(data).test
    logits = model.predict(2 * test.images.astype(np.float32) - 255, verbose=0)
    assert np.mean(logits.argmax(-1) == test.labels) == event["metrics"]["test_accuracy"]


@pytest.mark.parametrize("preset", ["standard", "lean"])
def test_going_on_is_better_than_beginning_anew(train: Any, preset: str, tmp_path: Path) -> None:
    """From a board's network and from Keras' of it: after one more epoch."""
    run = run_of(switches=PRESETS[preset], epochs=1)
    first, network = train(run.model_copy(update={"epochs": 4}), tmp_path)
    write_initial_weights(network, tmp_path / "a.ebw")
    begun = run.model_copy(update={"init": "it", "seed": 9})
    again, _ = train(begun, tmp_path, tmp_path / "a.ebw")
    anew, _ = train(run.model_copy(update={"seed": 9}), tmp_path)
    assert again["metrics"]["test_loss"] < anew["metrics"]["test_loss"]
    assert again["series"]["loss"][0][1] < anew["series"]["loss"][0][1]
    frozen, kept = train(begun.model_copy(update={"freeze": (1, 5)}), tmp_path, tmp_path / "a.ebw")
    assert frozen["metrics"]["arena_peak_bytes"] < again["metrics"]["arena_peak_bytes"]
    theirs, ours = read_network(network), read_network(kept)
    for at in (0, 1):
        np.testing.assert_array_equal(theirs.blocks[at].weights, ours.blocks[at].weights)
        np.testing.assert_array_equal(theirs.blocks[at].thresholds, ours.blocks[at].thresholds)
    assert first["metrics"]["test_accuracy"] > 0.5


def test_a_record_leads_to_its_network(train: Any, tmp_path: Path) -> None:
    _, network = train(run_of(), tmp_path)
    artifact = Artifact(path=network.name, sha256=file_sha256(network))
    record = Record(
        stage="device", run_id="r", parameters={}, metrics={}, artifacts={"network": artifact},
        provenance=provenance("now"),
    )  # fmt: skip
    record.write(tmp_path / "r.json")
    write_initial_weights(tmp_path / "r.json", tmp_path / "a.ebw")
    write_initial_weights(network, tmp_path / "b.ebw", file_sha256(network)[:16])
    assert (tmp_path / "a.ebw").read_bytes() == (tmp_path / "b.ebw").read_bytes()
    network.write_bytes(network.read_bytes()[:-1] + b"\0")
    with pytest.raises(ConfigError, match=r"its digest is .* it was changed"):
        write_initial_weights(tmp_path / "r.json", tmp_path / "a.ebw")


def test_what_is_refused(tmp_path: Path) -> None:
    own = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    saved(own, tmp_path / "own.keras")
    (tmp_path / "torn.keras").write_bytes((tmp_path / "own.keras").read_bytes()[:-50])
    (tmp_path / "text.ebn").write_text("no network" * 9)
    for name, said in (
        ("own.keras", "none of its layers is one of edgebnn.emulation"),
        ("torn.keras", "no Keras model that can be loaded"),
        ("text.ebn", "not a trained network"),
        ("none.ebn", "No such file"),
    ):
        with pytest.raises(ConfigError, match=f"{name}: .*{said}"):
            write_initial_weights(tmp_path / name, tmp_path / "a.ebw")
    assert not (tmp_path / "a.ebw").exists()


def test_a_run_and_its_weights_go_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="begins from it: its initial weights are wanted"):
        run_file(run_of(init="it"))
    with pytest.raises(ConfigError, match="begins from its seed: leave out"):
        run_file(run_of(), tmp_path / "a.ebw")
    with pytest.raises(ConfigError, match=r"a\.ebw: cannot be read: No such file"):
        run_file(run_of(init="it"), tmp_path / "a.ebw")
