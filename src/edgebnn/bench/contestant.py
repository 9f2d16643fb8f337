"""Who takes turns in a race."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Turn:
    """What one turn came to."""

    step_s: float
    """Seconds of a training step: the median over the turn's steps."""
    peak_bytes: int
    """The largest resident set of the contestant's process so far (VmHWM)."""
    by: str
    """What computed: the variant of the trainer's kernels, or a framework's way of stepping."""


class Contestant(Protocol):
    """One way to train one case with one number of threads."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def versions(self) -> dict[str, str]:
        """Of what it is made of and whose figures may change with it."""

    def turn(self, steps: int) -> Turn:
        """Trains that many steps, at least 1, and times each."""
