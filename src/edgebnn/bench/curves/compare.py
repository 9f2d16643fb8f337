"""Two engines' curves of the loss beside each other: smoothing, spread, verdict.

Losses come as means over stretches of STRETCH steps. A curve is their moving mean over WINDOW steps:
point i is the mean over stretches i to i + WINDOW / STRETCH - 1. With T_s and E_s the curves of trainer
and emulation under seed s, and bars for means over the seeds:

- distance = max over i of |bar T(i) - bar E(i)|
- spread = max over s and i of |E_s(i) - bar E(i)|

The trainer is within the spread if distance <= spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRETCH = 5
"""Steps between two points of a curve."""
WINDOW = 20
"""Steps of the moving mean; a multiple of STRETCH."""

Losses = Sequence[Sequence[float]]
"""[seeds][stretches], of one engine."""


@dataclass(frozen=True)
class Verdict:
    """The trainer's curves beside the emulation's."""

    distance: float
    spread: float
    first_step: int
    """Of the window in which the distance is largest, from 1."""
    trainer_end: float
    emulation_end: float
    """Loss in the last window, mean over the seeds."""

    @property
    def within(self) -> bool:
        """Whether the engines differ by no more than the emulation's seeds do."""
        return self.distance <= self.spread


def compare(trainer: Losses, emulation: Losses) -> Verdict:
    """Puts the engines' losses beside each other: the same seeds, and WINDOW steps at least."""
    ours, theirs = smoothed(trainer), smoothed(emulation)
    centre = theirs.mean(axis=0)
    apart = np.abs(ours.mean(axis=0) - centre)
    return Verdict(
        distance=float(apart.max()),
        spread=float(np.abs(theirs - centre).max()),
        first_step=int(apart.argmax()) * STRETCH + 1,
        trainer_end=float(ours[:, -1].mean()),
        emulation_end=float(centre[-1]),
    )


def smoothed(losses: Losses) -> NDArray[np.float64]:
    """The moving mean over the stretches: [seeds, n] -> [seeds, n - WINDOW / STRETCH + 1]."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.asarray(losses, float), WINDOW // STRETCH, axis=1
    )
    mean: NDArray[np.float64] = windows.mean(axis=-1)
    return mean
