"""Records gathered over seeds: what one method gave in one place, as mean and spread."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgebnn import paper
from edgebnn.record import Record

UNTRAINED = ("memory", "profile")
"""Stages whose records are of no training that was brought to its end."""

PRINCIPAL = (
    "test_accuracy_at_best",
    "test_accuracy",
    "memory_mib",
    "arena_peak_mib",
    "arena_planned_mib",
    "peak_memory_mib",
    "time_per_batch_s",
    "energy_per_batch_j",
)
"""Metrics that are shown before all others."""

ROUNDING = 1e-12
"""Of a mean: a spread below it is that of float64."""


@dataclass(frozen=True)
class Figure:
    """A number of the report with its origin."""

    value: float
    spread: float | None
    """Sample standard deviation over seeds; None for one seed."""
    seeds: int
    source: str
    """measured, modelled or estimated (joined, should seeds differ)."""
    virtual: bool
    """True if any of it comes from a virtual device."""


@dataclass(frozen=True)
class Group:
    """The records of one experiment, stage, method and board: they differ in their seeds only."""

    experiment: str
    stage: str
    method: str
    """The method's name in the experiment."""
    records: tuple[Record, ...]

    @property
    def preset(self) -> str:
        """standard, proposed, lean or custom."""
        return str(self._parameter("method"))

    @property
    def dataset(self) -> str:
        return str(self._parameter("dataset"))

    @property
    def model(self) -> str:
        return str(self._parameter("model"))

    @property
    def optimizer(self) -> str:
        return str(self._parameter("optimizer"))

    @property
    def batch_size(self) -> int:
        return int(self._parameter("batch_size"))

    @property
    def begun(self) -> str:
        """What its trainings begin from and keep, in words; empty for the usual random weights."""
        parameters = self.records[0].parameters
        said = [f"begun from {parameters['init']}"] if "init" in parameters else []
        said += [f"frozen: {parameters['freeze']}"] if "freeze" in parameters else []
        return ", ".join(said)

    @property
    def board(self) -> str:
        return str(self.records[0].parameters.get("board", ""))

    @property
    def devices(self) -> str:
        """Names of the devices that worked, in the inventory's terms."""
        return ", ".join(sorted({record.provenance.host for record in self.records}))

    @property
    def place(self) -> str:
        """The board, and its devices by name."""
        board = paper.BOARD_TITLES.get(self.board, self.board)
        return board if self.devices in ("", self.board) else f"{board} ({self.devices})"

    @property
    def virtual(self) -> bool:
        return any(record.provenance.virtual for record in self.records)

    @property
    def at_chance(self) -> str:
        """What to say of records that learned nothing; empty if all did."""
        count, of = sum(record.at_chance for record in self.records), len(self.records)
        seeds = f": {count} of {of} seeds" if of > 1 else ""
        return f"at chance level{seeds}" if count else ""

    def figure(self, *metrics: str) -> Figure | None:
        """Mean over seeds of the first of these metrics that any record has."""
        for name in metrics:
            found = [record.metrics[name] for record in self.records if name in record.metrics]
            if found:
                values = [metric.value for metric in found]
                mean = statistics.fmean(values)
                spread = statistics.stdev(values) if len(values) > 1 else None
                if spread is not None and spread < ROUNDING * abs(mean):
                    spread = 0.0
                return Figure(
                    mean,
                    spread,
                    len(values),
                    ", ".join(sorted({metric.source for metric in found})),
                    self.virtual,
                )
        return None

    def _parameter(self, name: str) -> Any:
        return self.records[0].parameters.get(name, "unknown" if name != "batch_size" else 0)


def gather(
    records: Sequence[Record], experiments: dict[str, list[dict[str, str]]]
) -> tuple[list[Group], list[str]]:
    """Groups in the plan's order, and the planned runs that have no record (`stage/run id`)."""
    found = {(record.stage, record.run_id): record for record in records}
    groups: dict[tuple[str, ...], list[Record]] = {}
    missing: dict[str, None] = {}
    for experiment, runs in experiments.items():
        for run in runs:
            record = found.get((run["stage"], run["run_id"]))
            if record is None:
                missing[f"{run['stage']}/{run['run_id']}"] = None
                continue
            board = str(record.parameters.get("board", ""))
            batch = str(record.parameters.get("batch_size", ""))
            key = (experiment, run["stage"], run["method"], board, batch)
            groups.setdefault(key, []).append(record)
    made = [
        Group(key[0], key[1], key[2], tuple(sorted(members, key=lambda r: r.run_id)))
        for key, members in groups.items()
    ]
    return made, list(missing)


def once(groups: Iterable[Group]) -> list[Group]:
    """Groups without those that repeat another experiment's records."""
    seen: dict[tuple[str, ...], Group] = {}
    for group in groups:
        seen.setdefault((group.stage, *(record.run_id for record in group.records)), group)
    return list(seen.values())
