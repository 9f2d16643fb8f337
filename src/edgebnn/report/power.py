"""Power over time with the batches marked: geometry of the chart, in the units of its view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from edgebnn.report.charts import Tick, nice_ticks
from edgebnn.report.groups import Group

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 42, 10, 10, 30


@dataclass(frozen=True)
class PowerChart:
    """One record's trace; gaps in the readings are gaps in the lines."""

    title: str
    label: str
    virtual: bool
    lines: tuple[str, ...]
    """Points of SVG polylines."""
    batches: tuple[tuple[float, float], ...]
    """Left end and width of each batch."""
    idle_at: float | None
    """Height of the idle power."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def power_charts(groups: Sequence[Group]) -> list[PowerChart]:
    """A chart for each group whose records have a measured trace: of its first record."""
    charts = []
    for group in groups:
        for record in group.records:
            source = record.metrics.get("energy_per_batch_j")
            if record.tables.get("power") and source and source.source == "measured":
                charts.append(_draw(group, record.tables, record.value("idle_power_w")))
                break
    return charts


def _draw(
    group: Group, tables: dict[str, list[dict[str, str | float]]], idle_w: float | None
) -> PowerChart:
    power = [
        (int(row["stretch"]), float(row["second"]), float(row["watts"])) for row in tables["power"]
    ]
    batches = [(float(row["begin_s"]), float(row["end_s"])) for row in tables["batches"]]
    first, last = power[0][1], power[-1][1]
    y_ticks = nice_ticks(0.0, max(watts for _, _, watts in power) or 1.0)

    def x(second: float) -> float:
        return LEFT + (second - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(watts: float) -> float:
        return HEIGHT - BOTTOM - watts / y_ticks[-1] * (HEIGHT - TOP - BOTTOM)

    numbers = [int(row["batch"]) for row in tables["batches"]]
    return PowerChart(
        f"{group.experiment}, {group.method}, {group.place}",
        f"power, W; batches {numbers[0]} to {numbers[-1]} marked, seconds since the first of them began"
        + ("" if idle_w is None else "; dotted: at rest"),
        group.virtual,
        tuple(
            " ".join(f"{x(second):.1f},{y(watts):.1f}" for _, second, watts in stretch)
            for _, stretch in groupby(power, key=lambda point: point[0])
        ),
        tuple((x(begin), x(end) - x(begin)) for begin, end in batches),
        None if idle_w is None else y(idle_w),
        tuple(Tick(x(t), f"{t:g}") for t in nice_ticks(first, last) if first <= t <= last),
        tuple(Tick(y(watts), f"{watts:g}") for watts in y_ticks),
    )
