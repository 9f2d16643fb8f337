"""The race: contestants take turns, round by round, so that the machine's noise hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from edgebnn.bench.contestant import Contestant, Turn

TRIAL_STEPS = 3
"""Of the first turn, which warms up and does not count."""
MOST_STEPS = 500
"""Of a turn."""


@dataclass(frozen=True)
class Standing:
    """What a contestant came to over all rounds."""

    name: str
    turns: tuple[Turn, ...]

    @property
    def step_s(self) -> tuple[float, float, float]:
        """First quartile, median and third quartile of the rounds' step times, in seconds."""
        times = [turn.step_s for turn in self.turns]
        if len(times) == 1:
            return times[0], times[0], times[0]
        first, _, third = quantiles(times, n=4, method="inclusive")
        return first, median(times), third

    @property
    def peak_bytes(self) -> int:
        """The largest resident set of any of its processes."""
        return max(turn.peak_bytes for turn in self.turns)


def race(
    contestants: Sequence[Contestant],
    rounds: int,
    turn_s: float,
    say: Callable[[str], object],
) -> list[Standing]:
    """Lets all have one turn a round.

    Args:
        rounds: at least 1, after a short one that only warms up.
        turn_s: about how many seconds a turn takes; at least TRIAL_STEPS steps are made.
        say: hears one line a round.
    """
    steps = []
    for one in contestants:
        trial = one.turn(TRIAL_STEPS)
        steps.append(max(TRIAL_STEPS, min(MOST_STEPS, round(turn_s / trial.step_s))))
    turns: list[list[Turn]] = [[] for _ in contestants]
    for number in range(1, rounds + 1):
        for one, count, taken in zip(contestants, steps, turns, strict=True):
            taken.append(one.turn(count))
        said = ", ".join(
            f"{one.name} {taken[-1].step_s * 1e3:.4g}"
            for one, taken in zip(contestants, turns, strict=True)
        )
        say(f"round {number} of {rounds}, ms a step: {said}")
    return [Standing(one.name, tuple(taken)) for one, taken in zip(contestants, turns, strict=True)]
