"""Learning-rate schedules: a function of the validation accuracies so far, so it needs no state."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.study.config import Optimizer, Plateau, Step


def learning_rate(optimizer: Optimizer, accuracies: Sequence[float]) -> float:
    """The learning rate of the epoch after `accuracies`.

    constant: as configured. step: times `factor` every `every` epochs. plateau: times `factor` after
    each `patience` consecutive epochs that did not exceed the best validation accuracy before them.

    Args:
        optimizer: of the run.
        accuracies: validation accuracies of the epochs so far; their number is the epoch, from 0.
    """
    schedule = optimizer.schedule
    match schedule:
        case Step():
            return optimizer.learning_rate * schedule.factor ** (len(accuracies) // schedule.every)
        case Plateau():
            rate, best, waited = optimizer.learning_rate, float("-inf"), 0
            for accuracy in accuracies:
                waited = 0 if accuracy > best else waited + 1
                best = max(best, accuracy)
                if waited == schedule.patience:
                    rate, waited = rate * schedule.factor, 0
            return rate
    return optimizer.learning_rate
