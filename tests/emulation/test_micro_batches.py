"""Micro-batches: the gradients of a batch are summed over them, and then it is one step, of the sum's sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgebnn.emulation.batches import centred, training_images
from edgebnn.emulation.checkpoint import values
from edgebnn.emulation.loss import SummedCrossEntropy
from edgebnn.emulation.model import build_model, compiled_model
from edgebnn.emulation.precision import exact_sums
from edgebnn.emulation.train import emulate
from edgebnn.study.switches import PRESETS
from tests.sampled import one_in

EAGER = {"run_eagerly": True, "jit_compile": False}


def kept(model: Any) -> dict[str, Any]:
    """The weights, and what the optimiser keeps of them, but not the gradients summed so far."""
    variables = [*model.trainable_variables, *model.optimizer.variables]
    left_out = ("gradient_accumulator", "iteration")
    variables = [v for v in variables if not any(name in v.path for name in left_out)]
    return dict(zip((v.path for v in variables), values(variables), strict=True))


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [path for path in before if not np.array_equal(before[path], after[path])]


OPTIMIZERS = [
    {"kind": "adam"},
    {"kind": "sgd", "learning_rate": 0.1},
    {"kind": "bop", "gamma": 0.1, "tau": 0.05},
]
CASES = [
    (preset, optimizer)
    for preset in PRESETS
    for optimizer in OPTIMIZERS
    if preset != "bare" or optimizer["kind"] == "bop"
]


@pytest.mark.parametrize(("preset", "optimizer"), one_in(4, CASES))
def test_equal_micro_batches_are_the_whole_batch(
    preset: str, optimizer: dict[str, Any], make_run: Any, blobs: Any
) -> None:
    """With the same images in each, batch norms see what they see in the whole batch."""
    whole = make_run(preset, optimizer=optimizer, batch_size=40)
    parts = make_run(preset, optimizer=optimizer, batch_size=40, micro_batch=20)
    with exact_sums():
        one, two = (compiled_model(run, **EAGER) for run in (whole, parts))
        for step in range(3):
            cut = slice(20 * step, 20 * step + 20)
            images, labels = np.array(centred(blobs.train.images[cut])), blobs.train.labels[cut]
            one.train_on_batch(np.concatenate([images] * 2), np.concatenate([labels] * 2))
            before = kept(two)
            two.train_on_batch(images, labels)
            assert changed(before, kept(two)) == []  # half a batch is no step yet
            two.train_on_batch(images, labels)
            assert len(changed(before, kept(two))) > 5
            for own, other in zip(kept(one).values(), kept(two).values(), strict=True):
                np.testing.assert_array_equal(own, other)


def test_the_sign_is_that_of_the_sum(make_run: Any, blobs: Any) -> None:
    import tensorflow as tf

    run = make_run(batch_size=60, micro_batch=20, momentum_dtype="f32")
    real = run.switches.model_copy(update={"weight_gradient": "f32"})
    loss, total = SummedCrossEntropy(real.gradient_dtype), 0.0
    with exact_sums():
        model, plain = compiled_model(run, **EAGER), build_model(run.network, real, 0)
        for start in (0, 20, 40):
            cut = slice(start, start + 20)
            images, labels = centred(blobs.train.images[cut]), blobs.train.labels[cut]
            model.train_on_batch(images, labels)
            with tf.GradientTape() as tape:
                value = loss(labels, plain(images, training=True))
            total = total + np.array(tape.gradient(value, plain.trainable_variables[0]))
    signs = np.where(total >= 0, 1, -1)
    (momentum,) = (
        v for v in model.optimizer.variables if "momentum" in v.path and v.shape == total.shape
    )
    np.testing.assert_allclose(momentum, signs * 0.1, rtol=1e-6)


def test_micro_batches_are_parts_of_the_batches(make_run: Any, blobs: Any) -> None:
    whole, parts = make_run(batch_size=70), make_run(batch_size=70, micro_batch=14)
    batches = list(training_images(whole, blobs.train, 0, 2))
    micro = list(training_images(parts, blobs.train, 0, 2))
    assert len(micro) == 5 * len(batches) == 5 * 2 * 8
    for place in (0, 1):
        np.testing.assert_array_equal(
            np.concatenate([batch[place] for batch in micro]),
            np.concatenate([batch[place] for batch in batches]),
        )


@pytest.mark.slow
def test_a_training_by_micro_batches(make_run: Any, blobs_file: Path, tmp_path: Path) -> None:
    run = make_run(micro_batch=25)
    lines: list[str] = []
    record = emulate(
        run,
        blobs_file,
        tmp_path / "record.json",
        tmp_path / "state",
        progress=lines.append,
        threads=1,
    )
    assert record.parameters["micro_batch"] == 25
    assert record.value("steps") == 6 * 12
    assert record.value("test_accuracy") > 0.85
    assert keras.models.load_model(tmp_path / record.artifacts["model"].path)
