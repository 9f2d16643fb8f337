"""Learning-rate schedules: a function of the validation accuracies so far, so it needs no state.

Cosine: Loshchilov and Hutter, "SGDR", 2017, without restarts. Warm-up: Goyal et al., "Accurate, large
minibatch SGD", 2017, an epoch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgebnn.study.optimizer_config import Cosine, Optimizer, Plateau, Step


def learning_rate(optimizer: Optimizer, accuracies: Sequence[float], epochs: int) -> float:
    """The learning rate of the epoch after `accuracies`.

    In warm-up's epoch k of w it is (k + 1)/(w + 1) of the configured one; then the schedule begins.
    constant: as configured. step: times `factor` every `every` epochs. plateau: times `factor` after
    each `patience` consecutive epochs that did not exceed the best validation accuracy before them.
    cosine: the share (1 + cos(pi k/n))/2 of what is above `floor`, in epoch k of n.

    Args:
        optimizer: of the run.
        accuracies: validation accuracies of the epochs so far; their number is the epoch, from 0.
        epochs: of the whole training, warm-up among them.
    """
    schedule = optimizer.schedule
    epoch = len(accuracies) - schedule.warmup
    if epoch < 0:
        return optimizer.learning_rate * (len(accuracies) + 1) / (schedule.warmup + 1)
    match schedule:
        case Step():
            return optimizer.learning_rate * schedule.factor ** (epoch // schedule.every)
        case Cosine():
            share = (1 + math.cos(math.pi * epoch / (epochs - schedule.warmup))) / 2
            return schedule.floor + (optimizer.learning_rate - schedule.floor) * share
        case Plateau():
            rate, best, waited = optimizer.learning_rate, float("-inf"), 0
            for accuracy in accuracies[schedule.warmup :]:
                waited = 0 if accuracy > best else waited + 1
                best = max(best, accuracy)
                if waited == schedule.patience:
                    rate, waited = rate * schedule.factor, 0
            return rate
    return optimizer.learning_rate
