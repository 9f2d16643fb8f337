"""Geometry of the charts, drawn by the templates: pure, in the units of an SVG view box or percent."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from edgebnn.report.groups import Figure, Group

WIDTH, HEIGHT = 380, 240
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 30
"""View box of a curve chart and its margins."""

COLUMN = 2
"""Width of the columns in which a long curve keeps its lowest and its highest point: a line's stroke."""

METHOD_COLOURS = ("standard", "proposed", "lean")
"""Methods with a colour of their own; others take the spare ones in turn."""
SPARE_COLOURS = 5

CURVES = {"validation_accuracy": "validation accuracy", "accuracy": "training accuracy"}
"""Series that a curve chart shows, the first that there is."""

VARIABLE_CLASSES = {
    "X": "x",
    "X of real layers": "x2",
    "dX, Y (shared)": "t1",
    "dY": "t2",
    "W": "w",
    "W of real layers": "w2",
    "dW": "g",
    "dW of real layers": "g2",
    "momenta": "m",
    "pool masks": "p",
    "mu, psi": "c",
    "beta, dbeta": "c",
}
"""Colour class of a memory variable."""


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """One method's accuracy: its mean and each seed, as SVG polyline points."""

    name: str
    colour: str
    mean: str
    seeds: tuple[str, ...]
    last: float
    """The mean at the last epoch."""
    virtual: bool


@dataclass(frozen=True)
class CurveChart:
    title: str
    label: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Segment:
    name: str
    type: str
    mib: float
    percent: float
    """Of the longest bar of its chart."""
    colour: str


@dataclass(frozen=True)
class StackedBar:
    method: str
    total: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class RangeBar:
    """A median with quartiles, in percent of the chart's largest value."""

    label: str
    virtual: bool
    figure: Figure | None
    percent: float
    low: float | None
    high: float | None
    colour: str


def colours(methods: Sequence[str]) -> dict[str, str]:
    """Method -> colour class, the same in every chart."""
    others = [name for name in dict.fromkeys(methods) if name not in METHOD_COLOURS]
    spare = {name: f"other{index % SPARE_COLOURS}" for index, name in enumerate(others)}
    return {name: name for name in METHOD_COLOURS} | spare


def curve_chart(title: str, groups: Sequence[Group], colour: dict[str, str]) -> CurveChart | None:
    """Validation accuracy (else training accuracy) by epoch; None if no record has either."""
    for series, label in CURVES.items():
        chosen = [
            (group, runs)
            for group in groups
            if (runs := [r.series[series] for r in group.records if r.series.get(series)])
        ]
        if chosen:
            return _draw(title, label, chosen, colour)
    return None


def _draw(
    title: str,
    label: str,
    chosen: Sequence[tuple[Group, list[list[tuple[float, float]]]]],
    colour: dict[str, str],
) -> CurveChart:
    points = [point for _, runs in chosen for run in runs for point in run]
    first, last = min(step for step, _ in points), max(step for step, _ in points)
    values = [value for _, value in points if math.isfinite(value)] or [0.0]
    y_ticks = nice_ticks(min(values), max(values))
    low, high = y_ticks[0], y_ticks[-1]

    def x(step: float) -> float:
        return LEFT + (step - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / ((high - low) or 1) * (HEIGHT - TOP - BOTTOM)

    def line(run: Sequence[tuple[float, float]]) -> str:
        drawn = [(x(step), y(value)) for step, value in run if math.isfinite(value)]
        return " ".join(f"{at:.1f},{height:.1f}" for at, height in thinned(drawn))

    curves = []
    for group, runs in chosen:
        by_step: dict[float, list[float]] = defaultdict(list)
        for run in runs:
            for step, value in run:
                by_step[step].append(value)
        mean = [(step, statistics.fmean(by_step[step])) for step in sorted(by_step)]
        seeds = tuple(line(run) for run in runs) if len(runs) > 1 else ()
        name = f"{group.method} ({group.board})" if group.board else group.method
        curves.append(
            Curve(name, colour[group.method], line(mean), seeds, mean[-1][1], group.virtual)
        )
    steps = [step for step in nice_ticks(first, last) if first <= step <= last and step % 1 == 0]
    return CurveChart(
        title,
        label,
        tuple(curves),
        tuple(Tick(x(step), f"{step:g}") for step in steps or [last]),
        tuple(Tick(y(value), f"{100 * value:g}") for value in y_ticks),
    )


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


def stacked_bars(groups: Sequence[Group]) -> list[StackedBar]:
    """Memory by variable, a bar a method, all on one scale."""
    tables = [(group, group.records[0].tables.get("variables", [])) for group in groups]
    totals = [sum(float(row["mib"]) for row in rows) for _, rows in tables]
    longest = max(totals, default=0) or 1
    return [
        StackedBar(
            group.method,
            total,
            tuple(
                Segment(
                    str(row["variable"]),
                    str(row["type"]),
                    float(row["mib"]),
                    100 * float(row["mib"]) / longest,
                    VARIABLE_CLASSES.get(str(row["variable"]), "c"),
                )
                for row in rows
            ),
        )
        for (group, rows), total in zip(tables, totals, strict=True)
        if rows
    ]


def range_bars(
    groups: Sequence[Group], metric: str, quartiles: tuple[str, str] | None, colour: dict[str, str]
) -> list[RangeBar]:
    """A bar a group; a group that did not measure the metric has none, and says so."""
    figures = [group.figure(metric) for group in groups]
    if not any(figures):
        return []
    ranges = [
        tuple(group.figure(name) for name in quartiles) if quartiles else (None, None)
        for group in groups
    ]
    largest = max(f.value for f in [*figures, *(h for _, h in ranges)] if f is not None) or 1.0

    def percent(figure: Figure | None) -> float | None:
        return None if figure is None else 100 * figure.value / largest

    return [
        RangeBar(
            f"{group.method}, {group.board}" if group.board else group.method,
            group.virtual,
            figure,
            percent(figure) or 0.0,
            percent(low),
            percent(high),
            colour[group.method],
        )
        for group, figure, (low, high) in zip(groups, figures, ranges, strict=True)
    ]


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that span [low, high], about so many."""
    if high <= low:
        return [low, low + 1] if low == high == 0 else [low - abs(low) * 0.1, low + abs(low) * 0.1]
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(index * step, 12) for index in range(first, last + 1)]
