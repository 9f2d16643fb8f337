"""Learning rates by epoch."""

import pytest

from edgebnn.emulation.schedule import learning_rate
from edgebnn.study.config import Optimizer


def rates(schedule, accuracies):
    optimizer = Optimizer(learning_rate=0.8, schedule=schedule)
    return [learning_rate(optimizer, accuracies[:epoch]) for epoch in range(len(accuracies) + 1)]


def test_constant():
    assert rates({"kind": "constant"}, [0.1, 0.2]) == [0.8] * 3


def test_step():
    found = rates({"kind": "step", "factor": 0.5, "every": 2}, [0.1] * 4)
    assert found == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2])


def test_plateau_counts_anew_after_each_reduction():
    accuracies = [0.5, 0.5, 0.4, 0.5, 0.5, 0.6, 0.6, 0.6]
    found = rates({"kind": "plateau", "factor": 0.5, "patience": 2}, accuracies)
    assert found == pytest.approx([0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1])
