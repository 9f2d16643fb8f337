"""`samples.jsonl`: what edgebnn-measure saw on the way, line by line (docs/formats.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from edgebnn.energy.meter import Reading

MOST_POINTS = 200
"""Of a series that a record keeps; the file has all."""


def read_samples(path: Path) -> list[Reading]:
    """The lines that are whole: the last may be cut, if all was killed."""
    found: list[Reading] = []
    for line in path.read_bytes().splitlines():
        try:
            value = json.loads(line.decode(errors="replace"))
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict) and isinstance(value.get("time_s"), int | float):
            found.append(value)
    return found


def numbers(readings: Sequence[Reading], name: str, start_s: float) -> list[tuple[float, float]]:
    """(seconds since `start_s`, value) of the lines that have it."""
    return [
        (float(str(line["time_s"])) - start_s, float(str(line[name])))
        for line in readings
        if isinstance(line.get(name), int | float)
    ]


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every so many of them, and the last: MOST_POINTS at most."""
    if len(points) <= MOST_POINTS:
        return list(points)
    kept = list(points[:: -(-len(points) // (MOST_POINTS - 1))])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
