"""What an axis of the profile's figure needs: round ticks, and no more points than its line can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

COLUMN = 2
"""Width of the columns in which a long curve keeps its lowest and its highest point: a line's stroke."""


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A curve's points from left to right, at most two in each column: the lowest and the highest.

    What is left out would lie within the line's own width: no peak and no dip is lost. The first and
    the last point stay. A run of up to some 160 epochs keeps all its points.
    """
    kept: list[tuple[float, float]] = []
    for _, members in groupby(points, lambda point: point[0] // COLUMN):
        column = list(members)
        ends = {column.index(pick(column, key=lambda point: point[1])) for pick in (min, max)}
        kept += [column[index] for index in sorted(ends)] if len(column) > 2 else column
    if kept and kept[0] != points[0]:
        kept.insert(0, points[0])
    if kept and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that span [low, high], about so many."""
    if high <= low:
        return [low, low + 1] if low == high == 0 else [low - abs(low) * 0.1, low + abs(low) * 0.1]
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(index * step, 12) for index in range(first, last + 1)]
