"""The emulation against the plain numpy reference: the same step, defined twice."""

from typing import Any

import numpy as np
import pytest
import reference
from cases import CASES, STEPS, Case
from state_dump import assert_same, read_dump

from edgebnn.data.datasets import read_packed
from edgebnn.emulation.dump import dump
from edgebnn.emulation.random import initial_weights, permutation


@pytest.mark.parametrize("case", CASES, ids=str)
def test_steps(case: Case, data_file: Any, tmp_path: Any) -> None:
    run, data = case.run, data_file(case.data)
    dump(run, data, tmp_path / "dump", STEPS)
    found = read_dump(tmp_path / "dump", run.network, case.batch_size)
    optimizer = run.optimizer
    by_hand = reference.Reference(
        reference.blocks_of(run.network.input, case.layers),
        run.switches.model_dump(),
        case.seed,
        optimizer=optimizer.kind,
        lr=optimizer.learning_rate,
        gamma=optimizer.gamma,
        tau=optimizer.tau,
    )
    train = read_packed(data).train
    order = reference.permutation(case.seed, 0, len(train.labels))
    expected = []
    for step in range(STEPS):
        index = order[step * case.batch_size : (step + 1) * case.batch_size]
        images = [
            reference.augmented(
                train.images[i], case.seed, 0, step * case.batch_size + b, **case.augmentation
            )
            for b, i in enumerate(index)
        ]
        expected.append(by_hand.step(np.stack(images), train.labels[index]))
    assert_same(found, expected, case.weights_atol)
    assert any((a != b).any() for a, b in zip(found[0].weights, found[-1].weights, strict=True)), (
        "nothing moved"
    )


@pytest.mark.parametrize("count", [1, 2, 5, 64, 65, 257])
def test_permutation(count: int) -> None:
    for epoch in (0, 3):
        assert permutation(9, epoch, count).tolist() == reference.permutation(9, epoch, count)


def test_initial_weights() -> None:
    np.testing.assert_array_equal(
        initial_weights(3, 1, 65, 33), reference.initial_weights(3, 1, 65, 33)
    )
