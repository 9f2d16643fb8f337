"""Methods side by side: an ablation's table, for the page and for a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebnn.report.beside_paper import ACCURACY_METRICS, percent
from edgebnn.report.groups import UNTRAINED, Figure, Group, once

FEWEST = 3
"""Methods on one data set, in one place, from which on they are compared: two stand beside the paper."""


@dataclass(frozen=True)
class Compared:
    """One method under one optimiser."""

    group: Group
    accuracy: Figure | None
    """Test accuracy in percent, at the epoch of best validation accuracy."""
    memory: Figure | None
    """MiB by the paper's accounting."""
    arena: Figure | None
    """MiB of the trainer's arena: its peak on a device, its plan elsewhere."""
    time: Figure | None
    """Seconds a batch."""


@dataclass(frozen=True)
class Comparison:
    """What was trained on one data set, by one model, with one batch size, in one place."""

    dataset: str
    model: str
    batch_size: int
    stage: str
    board: str
    rows: tuple[Compared, ...]

    @property
    def virtual(self) -> bool:
        return any(row.group.virtual for row in self.rows)


def comparisons(groups: Sequence[Group]) -> list[Comparison]:
    """The tables of a study, in the order in which it asks for them; few have none (FEWEST).

    Args:
        groups: of all stages; those of `memory` give the modelled figures.
    """
    modelled = {
        (group.experiment, group.method, group.batch_size): group
        for group in groups
        if group.stage == "memory"
    }
    cases: dict[tuple[str, str, int, str, str], list[Compared]] = {}
    for group in once(groups):
        if group.stage in UNTRAINED:
            continue
        memory = modelled.get((group.experiment, group.method, group.batch_size))
        planned = memory.figure("arena_planned_mib") if memory else None
        row = Compared(
            group,
            percent(group.figure(*ACCURACY_METRICS)),
            memory.figure("memory_mib") if memory else None,
            group.figure("arena_peak_mib") or planned,
            group.figure("time_per_batch_s"),
        )
        case = (group.dataset, group.model, group.batch_size, group.stage, group.board)
        cases.setdefault(case, []).append(row)
    return [Comparison(*case, tuple(rows)) for case, rows in cases.items() if len(rows) >= FEWEST]
