"""Learning rates by epoch."""

import pytest

from edgebnn.emulation.schedule import learning_rate
from edgebnn.study.optimizer_config import Optimizer


def rates(schedule, accuracies):
    optimizer = Optimizer(learning_rate=0.8, schedule=schedule)
    epochs = len(accuracies) + 1
    return [learning_rate(optimizer, accuracies[:epoch], epochs) for epoch in range(epochs)]


def test_constant():
    assert rates({"kind": "constant"}, [0.1, 0.2]) == [0.8] * 3


def test_step():
    found = rates({"kind": "step", "factor": 0.5, "every": 2}, [0.1] * 4)
    assert found == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2])


def test_plateau_counts_anew_after_each_reduction():
    accuracies = [0.5, 0.5, 0.4, 0.5, 0.5, 0.6, 0.6, 0.6]
    found = rates({"kind": "plateau", "factor": 0.5, "patience": 2}, accuracies)
    assert found == pytest.approx([0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1])


def test_cosine_falls_to_its_floor():
    found = rates({"kind": "cosine", "floor": 0.2}, [0.1] * 3)
    half = 0.3 * 0.5**0.5
    assert found == pytest.approx([0.8, 0.5 + half, 0.5, 0.5 - half])


def test_warmup_stands_before_each_schedule():
    rising = [0.2, 0.4, 0.6]
    assert rates({"kind": "constant", "warmup": 3}, [0.1] * 4) == pytest.approx([*rising, 0.8, 0.8])
    step = {"kind": "step", "factor": 0.5, "every": 1, "warmup": 3}
    assert rates(step, [0.1] * 5) == pytest.approx([*rising, 0.8, 0.4, 0.2])
    assert rates({"kind": "cosine", "warmup": 3}, [0.1] * 4) == pytest.approx([*rising, 0.8, 0.4])
    plateau = {"kind": "plateau", "factor": 0.5, "patience": 1, "warmup": 3}
    assert rates(plateau, [0.9, 0.1, 0.1, 0.2, 0.1]) == pytest.approx([*rising, 0.8, 0.8, 0.4])
