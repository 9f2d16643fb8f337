"""Power over time with the batches marked."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.report.charts import Chart
from edgebnn.report.groups import Group

STRIPES = ("var(--line)", "var(--faint)")
"""Colours of the batches, in turn."""


def power_charts(groups: Sequence[Group]) -> list[Chart]:
    """A chart for each group whose records have a measured trace: of its first record."""
    charts = []
    for group in groups:
        for record in group.records:
            source = record.metrics.get("energy_per_batch_j")
            if record.tables.get("power") and source and source.source == "measured":
                charts.append(_chart(group, record.tables, record.value("idle_power_w")))
                break
    return charts


def _chart(
    group: Group, tables: dict[str, list[dict[str, str | float]]], idle_w: float | None
) -> Chart:
    """Gaps in the readings are gaps in the line: each stretch is a line of its own."""
    batches = [{**row, "colour": STRIPES[index % 2]} for index, row in enumerate(tables["batches"])]
    first, last = (int(tables["batches"][end]["batch"]) for end in (0, -1))
    return Chart(
        f"{group.experiment}, {group.method}, {group.place}",
        f"power, W; batches {first} to {last} marked, seconds since the first of them began"
        + ("" if idle_w is None else "; dotted: at rest"),
        "power",
        {
            "power": tables["power"],
            "batches": batches,
            "idle": [] if idle_w is None else [{"watts": idle_w}],
        },
        virtual=group.virtual,
    )
