"""What the charts show: rows of data, which Vega-Lite draws by the specifications in templates/charts."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.report.groups import Figure, Group
from edgebnn.report.number import number
from edgebnn.report.scripts import embedded

METHOD_COLOURS = ("standard", "proposed", "lean")
"""Methods with a colour of their own; others take the spare ones in turn."""
SPARE_COLOURS = 5

CURVES = {"validation_accuracy": "validation accuracy", "accuracy": "training accuracy"}
"""Series that a curve chart shows, the first that there is."""

VARIABLE_COLOURS = {
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
"""Colour of a memory variable, by its name in report.css."""


@dataclass(frozen=True)
class Key:
    """A line of a chart's legend."""

    colour: str
    text: str


@dataclass(frozen=True)
class Chart:
    title: str
    label: str
    """What is shown, in which unit."""
    spec: str
    """The name of its specification."""
    datasets: Mapping[str, Sequence[Mapping[str, Any]]]
    """The specification's named data sources."""
    legend: tuple[Key, ...] = ()
    virtual: bool = False

    @property
    def data(self) -> str:
        """JSON, which may stand in a page's script element."""
        return embedded({"spec": self.spec, "datasets": self.datasets})


def specifications() -> dict[str, Any]:
    """Name -> Vega-Lite specification; colours are those of report.css."""
    folder = Path(__file__).parent / "templates" / "charts"
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def colours(methods: Sequence[str]) -> dict[str, str]:
    """Method -> colour by its name in report.css, the same in every chart."""
    others = [name for name in dict.fromkeys(methods) if name not in METHOD_COLOURS]
    spare = {name: f"other{index % SPARE_COLOURS}" for index, name in enumerate(others)}
    return {name: name for name in METHOD_COLOURS} | spare


def names(groups: Sequence[Group]) -> list[str]:
    """The method, with the board, the batch size and the experiment where that alone tells two apart."""
    made = [f"{group.method}, {group.board}" if group.board else group.method for group in groups]
    more = ([f"batch {group.batch_size}" for group in groups], [g.experiment for g in groups])
    for words in more:
        if len(set(made)) < len(made):
            made = [f"{name}, {word}" for name, word in zip(made, words, strict=True)]
    return made


def curve_chart(title: str, groups: Sequence[Group], colour: Mapping[str, str]) -> Chart | None:
    """Validation accuracy (else training accuracy) by epoch; None if no record has either."""
    for series, label in CURVES.items():
        runs, legend = [], []
        for group, name in zip(groups, names(groups), strict=True):
            found = [(r, r.series[series]) for r in group.records if r.series.get(series)]
            for record, points in found:
                runs.append(
                    {
                        "name": name,
                        "seed": record.run_id,
                        "colour": f"var(--{colour[group.method]})",
                        "virtual": group.virtual,
                        "epoch": [_short(epoch) for epoch, _ in points],
                        "accuracy": [_short(round(100 * value, 2)) for _, value in points],
                    }
                )
            if found:
                last = max(epoch for _, points in found for epoch, _ in points)
                ends = [value for _, points in found for epoch, value in points if epoch == last]
                text = f"{name} {100 * statistics.fmean(ends):.1f}"
                legend.append(Key(colour[group.method], text))
        if runs:
            return Chart(title, f"{label}, %", "curves", {"runs": runs}, tuple(legend))
    return None


def memory_chart(title: str, label: str, groups: Sequence[Group]) -> Chart:
    """Memory by variable, a bar a method, in MiB."""
    rows = [
        {
            "method": name,
            "variable": row["variable"],
            "type": row["type"],
            "mib": row["mib"],
            "order": order,
            "colour": f"var(--{variable_colour(str(row['variable']))})",
        }
        for group, name in zip(groups, names(groups), strict=True)
        for order, row in enumerate(group.records[0].tables.get("variables", []))
    ]
    variables = dict.fromkeys(str(row["variable"]) for row in rows)
    legend = tuple(Key(variable_colour(variable), variable) for variable in variables)
    return Chart(title, label, "memory", {"variables": rows}, legend)


def variable_colour(variable: str) -> str:
    """By its name in report.css."""
    return VARIABLE_COLOURS.get(variable, "c")


def range_chart(
    title: str,
    unit: str,
    groups: Sequence[Group],
    metrics: tuple[str, str, str],
    colour: Mapping[str, str],
) -> Chart | None:
    """A bar a group, with the line of its range; a group that did not measure the metric says so.

    Args:
        metrics: the figure's, and those of its range's ends (empty for none).

    Returns:
        None if no group measured the metric.
    """
    rows = []
    for group, name in zip(groups, names(groups), strict=True):
        figure, low, high = (group.figure(metric) if metric else None for metric in metrics)
        rows.append(
            {
                "label": name,
                "value": figure.value if figure else None,
                "low": low.value if low else None,
                "high": high.value if high else None,
                "said": _said(figure, unit),
                "range": f"{number(low.value)} to {number(high.value)} {unit}"
                if low and high
                else "–",
                "virtual": group.virtual,
                "colour": f"var(--{colour[group.method]})",
            }
        )
    if all(row["value"] is None for row in rows):
        return None
    return Chart(title, unit, "ranges", {"bars": rows})


def _said(figure: Figure | None, unit: str) -> str:
    if figure is None:
        return "not measured"
    virtual = ", virtual" if figure.virtual else ""
    return f"{number(figure.value)} {unit}, {figure.source}{virtual}"


def _short(value: float) -> float:
    """Whole numbers without `.0`: a long study's page is megabytes of them."""
    return int(value) if value.is_integer() else value
