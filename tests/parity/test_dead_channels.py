"""Channels that are dead in every training batch are dead in evaluation and in the exported network."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import DATA, Case
from run_trainer import train

from edgebnn.data.datasets import Packed, Split, write_packed
from edgebnn.trainer.network_file import read_network


def alike(split: Split) -> Split:
    """All images are the first; the labels stay."""
    return Split(np.broadcast_to(split.images[:1], split.images.shape), split.labels)


def test_dead_channels(trainer: Path, tmp_path: Path) -> None:
    """100 steps on one image alone, with psi = 0, then images on which no channel is constant."""
    from edgebnn.emulation.batches import evaluation_batches, training_batches
    from edgebnn.emulation.model import compiled_model
    from edgebnn.emulation.precision import exact_sums

    given = DATA["odd"]()
    packed = Packed(10, alike(given.train), given.validation, given.test)
    write_packed(tmp_path / "alike.ebd", packed)
    case = Case("proposed", hidden=(8,), batch_size=2, optimizer={"learning_rate": 1e-4})
    run = case.run
    done = train(trainer, tmp_path, run, tmp_path / "alike.ebd", "--export", "network.ebn")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.splitlines()[-1])

    emulated = compiled_model(run, jit_compile=False)
    with exact_sums():
        emulated.fit(
            training_batches(run, packed.train, 0, 1), steps_per_epoch=100, shuffle=False, verbose=0
        )
        test: Any = emulated.evaluate(evaluation_batches(packed.test), verbose=0, return_dict=True)
    assert record["metrics"]["test_loss"] == pytest.approx(np.log(10), rel=0.05)
    assert record["metrics"]["test_loss"] == pytest.approx(test["loss"], rel=1e-6)
    assert record["metrics"]["test_accuracy"] == pytest.approx(test["accuracy"])

    hidden, last = read_network(tmp_path / "network.ebn").blocks
    assert last.norms is not None
    assert hidden.thresholds is not None
    np.testing.assert_array_equal(last.norms[:, 1], 0)
    most = 255 * hidden.weights[0].size
    assert set(np.abs(hidden.thresholds)) <= {most, most + 1}  # always, or never
