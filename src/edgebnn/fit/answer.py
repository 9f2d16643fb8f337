"""Does it fit, with which batch, and by which other switches if not: pure, the plans are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgebnn.errors import ConfigError
from edgebnn.fit.choices import NOISE, Choice, changes
from edgebnn.fit.speed import Asked
from edgebnn.memory.accounting import MIB
from edgebnn.memory.arena import Arena
from edgebnn.study.switches import Switches

PROCESS_BYTES = MIB
"""Taken beside the arena by the program, its stacks and its files: 0.7 to 0.9 MiB measured."""
MOST_BATCH = 1 << 20
SMALLEST_BATCH = 2
"""A batch norm over one value leaves nothing of it."""
WAYS = 6
"""Shown at most."""

Plan = Callable[[int, str, Switches], Arena]
"""Batch size, optimiser and method -> the trainer's plan; raises ConfigError where it trains no such run."""


@dataclass(frozen=True)
class Way:
    """Another method that fits."""

    choice: Choice
    changes: dict[str, str]
    """Key -> new value; `optimizer` among them."""
    arena_bytes: int
    lost: float | None
    """Points of accuracy on MNIST; negative: won; None: what is asked for was not measured."""


@dataclass(frozen=True)
class Answer:
    """What there is to say of a training and so many bytes."""

    arena: Arena
    free_bytes: int
    largest_batch: int
    """That fits; 0: none does."""
    limit: str
    """Why no larger one."""
    ways: tuple[Way, ...]
    """If it does not fit: those that do, the cheapest first."""

    @property
    def needed_bytes(self) -> int:
        """The process' memory."""
        return self.arena.arena_bytes + PROCESS_BYTES

    @property
    def fits(self) -> bool:
        """As it is asked for."""
        return self.needed_bytes <= self.free_bytes


def answer(
    asked: Asked, free_bytes: int, images: int | None, plan: Plan, known: Sequence[Choice]
) -> Answer:
    """All but the time.

    Args:
        asked: the training.
        free_bytes: what it may take.
        images: of the training set, of which a batch cannot have more; None: not known.
        plan: asked for each batch and method that is tried.
        known: other methods, with their accuracy.

    Raises:
        ConfigError: the trainer does not train such a run.
    """

    def fits(batch_size: int, optimizer: str, switches: Switches) -> int | None:
        arena = plan(batch_size, optimizer, switches).arena_bytes
        return arena if arena + PROCESS_BYTES <= free_bytes else None

    whole = plan(asked.batch_size, asked.optimizer, asked.switches)
    largest, limit = _largest(asked, images, fits)
    found = Answer(whole, free_bytes, largest, limit, ())
    if found.fits:
        return found
    return Answer(whole, free_bytes, largest, limit, tuple(_ways(asked, known, fits)))


def _largest(
    asked: Asked, images: int | None, fits: Callable[[int, str, Switches], int | None]
) -> tuple[int, str]:
    """The largest batch that fits, by halving, and why no larger one: memory grows with the batch."""
    most = images or MOST_BATCH
    why: dict[int, str] = {}

    def good(batch: int) -> bool:
        try:
            why[batch] = "it needs more memory"
            return fits(batch, asked.optimizer, asked.switches) is not None
        except ConfigError as error:
            why[batch] = str(error)
            return False

    if good(most):
        return most, f"there are {images:,} training images" if images else "none was tried"
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2 if low else max(1, min(high - 1, SMALLEST_BATCH))
        low, high = (middle, high) if good(middle) else (low, middle)
        if not low and high <= SMALLEST_BATCH:
            break
    return low, why[high]


def _ways(
    asked: Asked, known: Sequence[Choice], fits: Callable[[int, str, Switches], int | None]
) -> list[Way]:
    accuracy = next(
        (
            c.accuracy
            for c in known
            if (c.optimizer, c.switches) == (asked.optimizer, asked.switches)
        ),
        None,
    )
    ways = []
    for choice in known:
        changed = changes(asked.switches, choice.switches)
        if choice.optimizer != asked.optimizer:
            changed["optimizer"] = choice.optimizer
        try:
            arena = fits(asked.batch_size, choice.optimizer, choice.switches) if changed else None
        except ConfigError:
            continue
        if arena is not None:
            lost = None if accuracy is None else accuracy - choice.accuracy
            ways.append(Way(choice, changed, arena, lost))
    ways.sort(key=_order)
    kept: list[Way] = []
    for way in ways:
        if not any(_better(other, way) for other in kept):
            kept.append(way)
    return kept[:WAYS]


def _better(other: Way, way: Way) -> bool:
    """Whether it changes a part of the same, or loses less accuracy by no more changes and no more memory."""
    if other.changes.items() <= way.changes.items():
        return True
    cheaper = _order(other)[0] < _order(way)[0]
    fewer = len(other.changes) <= len(way.changes)
    return cheaper and fewer and other.arena_bytes <= way.arena_bytes


def _order(way: Way) -> tuple[int, int, bool, float]:
    """Cheapest first: by points lost, in steps of what is no difference; then fewer changes."""
    lost = -way.choice.accuracy if way.lost is None else max(way.lost, 0.0)
    return int(lost // NOISE), len(way.changes), not way.choice.measured, lost
