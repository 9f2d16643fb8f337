"""One step, three engines: the emulation, the plain numpy reference and the C++ trainer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from cases import CASES, MNIST_CASES, STEPS, Case
from run_trainer import train
from state_dump import assert_same, read_dump

from edgebnn.data.datasets import read_packed
from edgebnn.emulation.dump import dump
from tests.sampled import one_in

THREADS = (1, 3)


@pytest.mark.parametrize("case", [*one_in(8, CASES), *MNIST_CASES], ids=str)
def test_steps(case: Case, trainer: Path, data_file: Any, tmp_path: Path) -> None:
    """The same losses, sign bits, weights and betas, step by step; the trainer on any threads."""
    run, data = case.run, data_file(case.data)
    dump(run, data, tmp_path / "emulation", STEPS)
    emulation = read_dump(tmp_path / "emulation", run.network, case.batch_size)
    assert len(emulation) == STEPS
    assert any(
        (a != b).any() for a, b in zip(emulation[0].weights, emulation[-1].weights, strict=True)
    ), "nothing moved"
    if case in CASES:  # by hand MNIST takes too long
        assert_same(emulation, by_hand(case, data), case.weights_atol, "emulation and reference")
    for threads in THREADS:
        options = ("--dump", "trainer", "--steps", STEPS, "--threads", threads)
        done = train(trainer, tmp_path, run, data, *options)
        assert done.returncode == 0, done.stderr
        found = read_dump(tmp_path / "trainer", run.network, case.batch_size)
        (tmp_path / "trainer").unlink()
        which = f"trainer on {threads} threads and emulation"
        assert_same(found, emulation, case.weights_atol, which)


def by_hand(case: Case, data: Path) -> list[reference.Step]:
    """The steps of the numpy reference."""
    run, optimizer = case.run, case.run.optimizer
    engine = reference.Reference(
        reference.blocks_of(run.network.input, case.layers),
        run.switches.model_dump(),
        case.seed,
        optimizer=optimizer.kind,
        lr=optimizer.learning_rate,
        gamma=optimizer.gamma,
        tau=optimizer.tau,
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
