"""Time, memory and energy on a board: the paper's prototype, ours, and Keras by the same means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from edgebnn import paper
from edgebnn.report.groups import Figure, Group, once

Case = tuple[str, str, int]
"""Data set, model, batch size."""

COLUMNS = (
    ("time_per_batch_s", "time_per_batch_q1_s", "time_per_batch_q3_s"),
    ("peak_memory_mib", "", ""),
    ("energy_per_batch_j", "energy_per_batch_low_j", "energy_per_batch_high_j"),
)
"""A metric and the ends of its range: quartiles of the time, 95 % of the energy."""

KERAS = ("keras-standard", "keras-float32")
"""The baseline that ours is set beside, the first that there is: the paper's is the standard method."""


@dataclass(frozen=True)
class Cell:
    """A figure of ours with its range, and how it compares."""

    figure: Figure | None
    low: float | None
    high: float | None
    to_paper: float | None
    """Ours / the paper's. None where the paper has none, and for a virtual device's time and energy."""
    below_keras: float | None
    """Keras' on the same board / ours."""


@dataclass(frozen=True)
class Row:
    """A method on a board, or Keras there."""

    title: str
    place: str
    keras: bool
    virtual: bool
    cells: tuple[Cell, ...]
    """Time, memory, energy."""
    outcome: str
    """Why there are no figures, or what is to be said of them; empty if nothing."""
    conditions: str
    """Temperature, clock and throttling while it worked."""


@dataclass(frozen=True)
class BoardCase:
    """One data set, model and batch: what the paper prints of it, if it does, and ours."""

    dataset: str
    model: str
    batch_size: int
    paper: paper.Board | None
    rows: tuple[Row, ...]


def board_cases(groups: Sequence[Group]) -> list[BoardCase]:
    """The paper's cases, then those of ours that have a baseline."""
    stages = ("device", "baseline")
    on_boards = [group for group in once(groups) if group.stage in stages and not group.begun]
    published = {(row.dataset, row.model, row.batch_size): row for row in paper.BOARDS}
    wanted = [*published, *(_case(group) for group in on_boards if group.stage == "baseline")]
    cases = []
    for case in dict.fromkeys(wanted):
        same = [group for group in on_boards if _case(group) == case]
        places = dict.fromkeys(group.board for group in same)
        rows = [row for place in places for row in _rows(same, place, published.get(case))]
        cases.append(BoardCase(*case, published.get(case), tuple(rows)))
    return cases


def _case(group: Group) -> Case:
    return (group.dataset, group.model, group.batch_size)


def _rows(groups: Sequence[Group], board: str, published: paper.Board | None) -> list[Row]:
    here = [group for group in groups if group.board == board]
    ours = [group for group in here if group.stage == "device"]
    keras = [group for group in here if group.stage == "baseline"]
    beside = next((g for name in KERAS for g in keras if g.preset == name), None)
    return [
        *(_row(group, published, beside) for group in ours),
        *(_row(group, None, None) for group in keras),
    ]


def _row(group: Group, published: paper.Board | None, beside: Group | None) -> Row:
    cells = []
    for metric, low, high in COLUMNS:
        figure = group.figure(metric)
        reference = beside.figure(metric) if beside else None
        comparable = published is not None and (metric == "peak_memory_mib" or not group.virtual)
        value = figure.value if figure else None
        cells.append(
            Cell(
                figure,
                _value(group, low),
                _value(group, high),
                value / getattr(published, metric) if value and comparable else None,
                reference.value / value if reference and value else None,
            )
        )
    optimizer = "" if group.optimizer in ("adam", "unknown") else f", {group.optimizer}"
    keras = group.stage == "baseline"
    title = group.preset.removeprefix("keras-") if keras else group.method
    return Row(
        f"Keras, {title}" if keras else f"{title}{optimizer}",
        group.place,
        keras,
        group.virtual,
        tuple(cells),
        _notes(group, "outcome"),
        _conditions(group),
    )


def _value(group: Group, metric: str) -> float | None:
    figure = group.figure(metric) if metric else None
    return figure.value if figure else None


def _notes(group: Group, name: str) -> str:
    return "; ".join(
        dict.fromkeys(record.notes[name] for record in group.records if name in record.notes)
    )


def _conditions(group: Group) -> str:
    """In words; over seeds, the hottest and the slowest."""
    said = []
    hottest = [value for r in group.records if (value := r.value("temperature_max_c")) is not None]
    slowest = [value for r in group.records if (value := r.value("clock_min_mhz")) is not None]
    limits = {record.parameters.get("memory_limit_mib") for record in group.records} - {None}
    if limits:
        said.append(f"memory limit {', '.join(map(str, sorted(limits, key=str)))} MiB")
    if hottest:
        said.append(f"at most {max(hottest):.0f} °C")
    if slowest:
        said.append(f"at least {min(slowest):.0f} MHz")
    throttling, energy = _notes(group, "throttling"), _notes(group, "energy")
    if throttling and not group.virtual:  # of the host, it means nothing
        said.append(f"throttling: {throttling}")
    if energy and not energy.startswith("estimated"):  # as the figure's own mark has it
        said.append(f"energy: {energy}")
    idle = [value for r in group.records if (value := r.value("idle_power_w")) is not None]
    if idle:
        said.append(f"{fmean(idle):.2f} W at rest")
    return "; ".join(said)
