"""One step, three engines: the emulation, the plain numpy reference and the C++ trainer."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from cases import BEGUN_CASES, CASES, MNIST_CASES, STEPS, Case
from run_trainer import train
from state_dump import assert_same, read_dump

from edgebnn.data.datasets import read_packed
from edgebnn.emulation.batches import centred, training_images
from edgebnn.emulation.dump import dump
from edgebnn.emulation.initial import initial_weights_of
from edgebnn.emulation.model import compiled_model
from edgebnn.weights_file import read_weights, write_weights
from tests.sampled import one_in

THREADS = {1: "exact", 3: "scalar"}
"""And kernels that sum real gradients as the definition does."""


@pytest.mark.parametrize(
    "case", [*one_in(8, CASES), *one_in(4, BEGUN_CASES), *MNIST_CASES], ids=str
)
def test_steps(case: Case, trainer: Path, data_file: Any, tmp_path: Path) -> None:
    """The same losses, sign bits, weights and betas, step by step; the trainer on any threads."""
    run, data = case.run, data_file(case.data)
    initial = begun(case, data, tmp_path / "begun.ebw") if case.begun else None
    dump(run, data, tmp_path / "emulation", STEPS, initial)
    emulation = read_dump(tmp_path / "emulation", run.network, case.batch_size)
    assert len(emulation) == STEPS
    assert any(
        (a != b).any() for a, b in zip(emulation[0].weights, emulation[-1].weights, strict=True)
    ), "nothing moved"
    if case.data != "mnist":  # by hand it takes too long
        reference = by_hand(case, data, initial)
        assert_same(emulation, reference, case.weights_atol, "emulation and reference")
    for threads, kernels in THREADS.items():
        options = ("--dump", "trainer", "--steps", STEPS, "--threads", threads)
        done = train(trainer, tmp_path, run, data, *options, initial=initial, kernels=kernels)
        assert done.returncode == 0, done.stderr
        found = read_dump(tmp_path / "trainer", run.network, case.batch_size)
        (tmp_path / "trainer").unlink()
        which = f"trainer on {threads} threads and emulation"
        assert_same(found, emulation, case.weights_atol, which)


def begun(case: Case, data: Path, path: Path) -> Path:
    """Weights after some steps of another seed, and with other classes if the case says so."""
    model = compiled_model(case.before, run_eagerly=True)
    batches = training_images(case.before, read_packed(data).train, 0, 1)
    for pixels, labels in itertools.islice(batches, 6):
        model.train_on_batch(centred(pixels), labels % case.before.network.output[0])
    write_weights(path, initial_weights_of(model))
    return path


def by_hand(case: Case, data: Path, initial: Path | None = None) -> list[reference.Step]:
    """The steps of the numpy reference."""
    begin = []
    if initial:
        weights = read_weights(initial)
        rows = [(norm.beta, norm.mu, norm.psi) for norm in weights.norms]
        begin = [(w, *row) for w, row in zip(weights.layers, rows, strict=True)]
        begin = begin[:-1] if case.begun == "other classes" else begin
    weighted = [a.number for a in case.run.network.placed() if a.weights]
    run, optimizer = case.run, case.run.optimizer
    engine = reference.Reference(
        reference.blocks_of(run.network.input, case.layers),
        run.switches.model_dump(),
        case.seed,
        optimizer=optimizer.kind,
        lr=optimizer.learning_rate,
        gamma=optimizer.gamma,
        tau=optimizer.tau,
        begin=begin,
        frozen=tuple(weighted.index(str(number)) for number in case.freeze),
    )
    train_split = read_packed(data).train
    order = reference.permutation(case.seed, 0, len(train_split.labels))
    steps = []
    for step in range(STEPS):
        index = order[step * case.batch_size : (step + 1) * case.batch_size]
        images = [
            reference.augmented(
                train_split.images[i], case.seed, 0, step * case.batch_size + b, **case.augmentation
            )
            for b, i in enumerate(index)
        ]
        steps.append(engine.step(np.stack(images), train_split.labels[index]))
    return steps
