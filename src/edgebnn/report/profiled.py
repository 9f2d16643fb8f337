"""The profile of a training as one figure: the arena by phase, the process over time, massif's pages.

Geometry in the units of the SVG's view box; colours and words stand in the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from edgebnn.machine import MIB
from edgebnn.record import Record
from edgebnn.report.axes import Tick, nice_ticks, thinned

WIDTH = 760
LEFT, RIGHT = 46, 12
HEIGHT, BELOW = 190, 40
"""Of a panel: from its top to its axis, and from there to the end of its words."""
HEAD, GAP = 62, 34
"""Above the first panel: title and legend. Above each of the others: its title."""
MOST_DOTS = 120
CLOSE = 16
"""Lines so near to each other leave no room for words between them."""
NARROWEST = 16
"""Of a bar that has words below it."""

CLASSES = {
    "weights": "w",
    "momenta": "m",
    "batch norm": "c",
    "activations": "x",
    "Y and dX": "t1",
    "gradients": "g",
    "images": "w2",
    "scratch": "p",
}
"""Colour class of a group of variables, in the order in which they are stacked."""


@dataclass(frozen=True)
class Box:
    """A share of a bar; its middle is `x`, the top `y`."""

    colour: str
    y: float
    height: float
    title: str


@dataclass(frozen=True)
class Bar:
    x: float
    width: float
    boxes: tuple[Box, ...]
    planned: float
    """Height of the bytes that the plan holds alive."""
    words: tuple[str, str]
    """Below it: what is done, and in which layer; empty where there is no room."""


@dataclass(frozen=True)
class Level:
    """A line across a panel."""

    y: float
    text: str
    colour: str
    text_y: float


@dataclass(frozen=True)
class Panel:
    top: float
    title: str
    unit: str
    """Of the axis below it."""
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...] = ()
    levels: tuple[Level, ...] = ()
    bars: tuple[Bar, ...] = ()
    line: str = ""
    """Points of an SVG polyline."""
    dots: tuple[tuple[float, float], ...] = ()
    """On the line: the samples, where they are few."""
    bands: tuple[tuple[float, float], ...] = ()
    """Left end and width of each step."""
    absent: str = ""
    """Why there is nothing in it."""

    @property
    def bottom(self) -> float:
        return self.top + HEIGHT


def figure(record: Record) -> str:
    """A profile's record as an SVG that stands by itself or in a page; same record, same text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("edgebnn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tops = [HEAD + number * (HEIGHT + BELOW + GAP) for number in range(3)]
    panels = [_arena(record, tops[0]), _process(record, tops[1]), _massif(record, tops[2])]
    groups = {str(row["group"]) for row in record.tables["phases"]}
    return environment.get_template("profile.svg.j2").render(
        run_id=record.run_id,
        panels=panels,
        legend=[(name, colour) for name, colour in CLASSES.items() if name in groups],
        width=WIDTH,
        left=LEFT,
        right=WIDTH - RIGHT,
        height=HEIGHT,
        total=tops[-1] + HEIGHT + BELOW,
    )


def _arena(record: Record, top: float) -> Panel:
    """Bytes in use by phase and group, beside those that the plan holds alive."""
    planned, peak = _value(record, "arena_planned_mib"), _value(record, "arena_peak_mib")
    scale = _Scale(top, max(planned, peak))
    phases = [
        (str(name), list(rows))
        for name, rows in groupby(record.tables["phases"], key=lambda row: row["phase"])
    ]
    pitch = (WIDTH - LEFT - RIGHT) / max(len(phases), 1)
    every = -(-NARROWEST // pitch)
    bars = tuple(
        _bar(
            rows,
            scale,
            LEFT + number * pitch,
            pitch,
            _words(name) if number % every == 0 else ("", ""),
        )
        for number, (name, rows) in enumerate(phases)
    )
    levels = [(planned, f"arena planned, {planned:.3f} MiB", "plan")]
    if f"{peak:.3f}" == f"{planned:.3f}":
        levels = [(planned, f"arena, planned = measured peak, {planned:.3f} MiB", "plan")]
    else:
        levels.append((peak, f"measured peak, {peak:.3f} MiB", "peak"))
    return Panel(
        top,
        "Arena by phase of a step, MiB",
        "filled: in use as measured; outlined: alive by the plan",
        scale.ticks,
        levels=_levels(scale, *levels),
        bars=bars,
    )


def _bar(
    rows: Sequence[dict[str, Any]], scale: _Scale, x: float, pitch: float, words: tuple[str, str]
) -> Bar:
    boxes, below = [], 0.0
    sizes = {str(row["group"]): float(row["used_bytes"]) / MIB for row in rows}
    for group, colour in CLASSES.items():
        size = sizes.get(group, 0.0)
        if size:
            top = scale.y(below + size)
            title = f"{rows[0]['phase']}: {group} {size:.3f} MiB"
            boxes.append(Box(colour, top, scale.y(below) - top, title))
            below += size
    planned = sum(float(row["planned_bytes"]) for row in rows) / MIB
    return Bar(x + pitch * 0.08, pitch * 0.84, tuple(boxes), scale.y(planned), words)


def _words(phase: str) -> tuple[str, str]:
    """`layer 5 (dense): norm and dW` as `dW` and `5`."""
    layer, _, done = phase.rpartition(": ")
    short = {"forward": "fwd", "norm and dW": "dW"}.get(done, done)
    return short, layer.split(" ")[1] if layer else ""


def _process(record: Record, top: float) -> Panel:
    """The resident set over time, with the steps."""
    resident, peak = record.series["system/memory_mib"], _value(record, "peak_memory_mib")
    steps = [(float(row["begin_s"]), float(row["end_s"])) for row in record.tables["steps"]]
    end = max([time for time, _ in resident] + [end for _, end in steps], default=1.0)
    scale = _Scale(top, max([size for _, size in resident], default=peak), peak)
    across = _Across(0.0, end)
    points = [(across.x(time), scale.y(size)) for time, size in resident]
    return Panel(
        top,
        f"Resident set of the process, MiB; {len(steps)} steps marked",
        "seconds since it was started",
        scale.ticks,
        across.ticks,
        levels=_levels(scale, _arena_alone(record), (peak, f"peak, {peak:.3f} MiB", "peak")),
        line=_line(points),
        dots=tuple(points) if len(points) <= MOST_DOTS else (),
        bands=tuple(_merged((across.x(begin), across.x(end)) for begin, end in steps)),
    )


def _massif(record: Record, top: float) -> Panel:
    """What the process maps, over the instructions that it ran."""
    rows = [
        (float(r["instructions"]) / 1e6, float(r["bytes"]) / MIB) for r in record.tables["massif"]
    ]
    title = "Pages that valgrind’s massif counts, MiB"
    if not rows:
        return Panel(top, title, "", (), absent=f"massif: {record.notes.get('massif', 'absent')}")
    scale, across = _Scale(top, max(size for _, size in rows)), _Across(0.0, rows[-1][0])
    points: list[tuple[float, float]] = []
    before = rows[0][1]
    for time, size in rows:  # what is mapped stays so until the next snapshot
        points += [(across.x(time), scale.y(before)), (across.x(time), scale.y(size))]
        before = size
    return Panel(
        top,
        title,
        "million instructions",
        scale.ticks,
        across.ticks,
        levels=_levels(scale, _arena_alone(record)),
        line=_line(points),
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in thinned(points))


def _arena_alone(record: Record) -> tuple[float, str, str]:
    planned = _value(record, "arena_planned_mib")
    return planned, f"the arena alone, {planned:.3f} MiB", "plan"


def _levels(scale: _Scale, *levels: tuple[float, str, str]) -> tuple[Level, ...]:
    """Lines at (value, words, colour); words stand above their line, but below it where another is close above."""
    heights = [scale.y(value) for value, _, _ in levels]
    return tuple(
        Level(y, text, colour, y + 12 if any(0 < y - other < CLOSE for other in heights) else y - 4)
        for y, (_, text, colour) in zip(heights, levels, strict=True)
    )


def _merged(bands: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Left ends and widths; what would lie within a third of a unit of its neighbour becomes one."""
    merged: list[tuple[float, float]] = []
    for begin, end in bands:
        if merged and begin - merged[-1][1] < 1 / 3 and end - merged[-1][0] < 1:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((begin, end))
    return [(begin, max(end - begin, 0.4)) for begin, end in merged]


def _value(record: Record, metric: str) -> float:
    return record.value(metric) or 0.0


class _Scale:
    """Heights of values from 0 to the largest."""

    def __init__(self, top: float, *largest: float) -> None:
        ticks = nice_ticks(0.0, max(largest) or 1.0)
        self._top, self._most = top, ticks[-1]
        self.ticks = tuple(Tick(self.y(value), f"{value:g}") for value in ticks)

    def y(self, value: float) -> float:
        return self._top + HEIGHT * (1 - value / self._most)


class _Across:
    """Places of values between two."""

    def __init__(self, first: float, last: float) -> None:
        self._first, self._length = first, (last - first) or 1.0
        self.ticks = tuple(
            Tick(self.x(value), f"{value:g}")
            for value in nice_ticks(first, last)
            if first <= value <= last
        )

    def x(self, value: float) -> float:
        return LEFT + (value - self._first) / self._length * (WIDTH - LEFT - RIGHT)
