"""The paper's table of accuracies and memory with ours beside it: a row of ours for each matching group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgebnn import paper
from edgebnn.report.groups import Figure, Group, once

ACCURACY_METRICS = ("test_accuracy_at_best", "test_accuracy")
"""The test accuracy at the epoch of best validation accuracy where there is one, else the last."""


@dataclass(frozen=True)
class AccuracyOurs:
    """One engine's accuracy: percent."""

    where: str
    figure: Figure
    ratio: float


@dataclass(frozen=True)
class Saving:
    """Modelled memory of standard / proposed."""

    factor: float
    ratio: float
    rule: str
    """Which accounting; empty for the usual one."""


@dataclass(frozen=True)
class AccuracyRow:
    paper: paper.Accuracy
    ours: tuple[AccuracyOurs, ...]
    savings: tuple[Saving, ...]


def accuracy_rows(groups: Sequence[Group]) -> list[AccuracyRow]:
    """The paper's accuracies and modelled savings; ours: by Adam, on the same model and batch."""
    rows = []
    for row in paper.ACCURACY:
        same = [
            group
            for group in once(groups)
            if (group.dataset, group.model, group.batch_size, group.optimizer)
            == (row.dataset, row.model, row.batch_size, "adam")
            and not group.begun
        ]
        ours = []
        for group in same:
            figure = percent(group.figure(*ACCURACY_METRICS))
            if group.preset == "proposed" and figure is not None:
                where = "emulated" if group.stage == "emulate" else group.place
                ours.append(AccuracyOurs(where, figure, figure.value / row.top1))
        rows.append(AccuracyRow(row, tuple(ours), _savings(same, row.saving)))
    return rows


def _savings(groups: Sequence[Group], published: float) -> tuple[Saving, ...]:
    found = []
    rules = (("memory_mib", ""), ("memory_by_papers_rule_mib", "by the paper's rule"))
    for metric, rule in rules:
        by_preset = {}
        for group in groups:
            figure = group.figure(metric)
            if group.stage == "memory" and figure is not None:
                by_preset[group.preset] = figure.value
        if "standard" in by_preset and "proposed" in by_preset:
            factor = by_preset["standard"] / by_preset["proposed"]
            found.append(Saving(factor, factor / published, rule))
    return tuple(found)


def percent(share: Figure | None) -> Figure | None:
    """A share as its hundredfold."""
    if share is None:
        return None
    spread = None if share.spread is None else share.spread * 100
    return replace(share, value=share.value * 100, spread=spread)
