"""An emulation that begins from a trained network, with layers that stay: any network, any product of layers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from edgebnn.emulation.batches import centred
from edgebnn.emulation.initial import initial_weights_of
from edgebnn.emulation.model import build_model, compiled_model
from edgebnn.emulation.train import emulate
from edgebnn.errors import ConfigError
from edgebnn.study.model_file import parse_network
from edgebnn.study.switches import PRESETS
from edgebnn.weights import write_initial_weights
from edgebnn.weights_file import write_weights

RESIDUAL = [
    {"conv": {"filters": 6, "weights": "real"}},
    "batch_norm",
    {"residual": {"layers": ["sign", {"conv": 6}, "batch_norm"]}},
    {"residual": {"layers": ["sign", {"conv": {"filters": 8, "stride": 2}}, "batch_norm"],
                  "shortcut": [{"conv": {"filters": 8, "kernel": 1, "stride": 2, "weights": "real"}}, "batch_norm"]}},
    "global_avg_pool",
    {"dense": {"units": 5, "weights": "real"}},
]  # fmt: skip


def test_frozen_blocks_of_a_residual_network_stay(make_run, blobs, tmp_path):
    """Real and binary weights, batch norms and their statistics; the others move."""
    network = parse_network({"input": [4, 5, 1], "layers": RESIDUAL}, "test")
    before = build_model(network, PRESETS["standard"], 11)
    write_weights(tmp_path / "a.ebw", initial_weights_of(before))
    run = make_run("standard", network=network, init="it", freeze=(1, 4))
    model = compiled_model(run, tmp_path / "a.ebw", run_eagerly=True)
    begun = initial_weights_of(model)
    model.train_on_batch(centred(blobs.train.images[:50]), blobs.train.labels[:50].astype(np.int32))
    after = initial_weights_of(model)
    moved = [(a != b).any() for a, b in zip(begun.layers, after.layers, strict=True)]
    norms = [(a.mu != b.mu).any() for a, b in zip(begun.norms, after.norms, strict=True)]
    # In Keras' order: the first convolution, the block's, then the second block's two.
    sizes = [layer.shape for layer in after.layers]
    assert moved == [shape in ((54, 6), (8, 5)) for shape in sizes], sizes
    assert sum(norms) == 1
    frozen = [i for i, shape in enumerate(sizes) if shape == (54, 8)]
    assert {*np.unique(after.layers[frozen[0]])} == {-1.0, 1.0}
    assert before.trainable_variables


def test_it_learns_other_classes_from_a_users_own_model(
    make_run, make_network, blobs_file, tmp_path
):
    """`init` takes a model of the layers that was built and trained by its user alone."""
    from edgebnn.emulation import Adam, BatchNorm, BinaryDense, Sign

    own = keras.Sequential(
        [
            keras.Input((4, 5, 1)),
            keras.layers.Flatten(),
            BinaryDense(32),
            BatchNorm(),
            Sign(),
            BinaryDense(32),
            BatchNorm(),
            Sign(),
            BinaryDense(9),
            BatchNorm(),
        ]
    )
    own.compile(Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    own.save(tmp_path / "own.keras")
    write_initial_weights(tmp_path / "own.keras", tmp_path / "a.ebw")
    run = make_run(network=make_network((4, 5, 1), [32, 32], 5), init="it", freeze=(2,), epochs=3)
    record = emulate(
        run,
        blobs_file,
        tmp_path / "record.json",
        tmp_path / "state",
        progress=lambda line: None,
        threads=1,
        initial=tmp_path / "a.ebw",
    )
    assert record.value("test_accuracy") > 0.6
    saved = keras.models.load_model(tmp_path / record.artifacts["model"].path)
    kept, given = initial_weights_of(saved), initial_weights_of(own)
    np.testing.assert_array_equal(kept.layers[0], np.where(given.layers[0] >= 0, 1, -1))
    assert (kept.layers[1] != given.layers[1]).any()
    assert kept.layers[2].shape == (32, 5)


@pytest.mark.parametrize(
    ("hidden", "classes", "freeze", "said"),
    [
        ([32], 5, (), "3 layers with weights and 3 batch norms; the network has 2 and 2"),
        ([32, 16], 5, (), "layer with weights 2: found 32 x 32, needed are 32 x 16"),
        ([32, 32], 4, (8,), "the last layer has other units there: it cannot be frozen"),
    ],
)
def test_weights_of_another_network_are_refused(  # noqa: PLR0917 - cases and fixtures
    make_run, make_network, tmp_path: Path, hidden, classes, freeze, said
):
    write_weights(
        tmp_path / "a.ebw",
        initial_weights_of(build_model(make_network((4, 5, 1), [32, 32], 5), PRESETS["lean"], 1)),
    )
    run = make_run(network=make_network((4, 5, 1), hidden, classes), init="it", freeze=freeze)
    with pytest.raises(ConfigError, match=rf"a\.ebw: {said}"):
        compiled_model(run, tmp_path / "a.ebw")
