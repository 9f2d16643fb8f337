"""Two runs, or two methods of a study, side by side: where they differ in what was asked, and in what came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.record import Record, read_record
from edgebnn.report.groups import PRINCIPAL, UNTRAINED, Figure, Group, gather
from edgebnn.spelling import nearest
from edgebnn.summary import Summary


@dataclass(frozen=True)
class Row:
    """A metric of both; one of the two may be missing."""

    metric: str
    left: Figure | None
    right: Figure | None

    @property
    def ratio(self) -> float | None:
        """Right / left."""
        if self.left is None or self.right is None or not self.left.value:
            return None
        return self.right.value / self.left.value

    @property
    def apart(self) -> bool | None:
        """Whether they differ by more than the seeds' spread; None: there are too few seeds to say."""
        if self.left is None or self.right is None:
            return None
        spreads = [figure.spread for figure in (self.left, self.right) if figure.spread is not None]
        if not spreads:
            return None
        return abs(self.right.value - self.left.value) > math.hypot(*spreads)


@dataclass(frozen=True)
class Pair:
    """Two groups of records that are compared."""

    title: str
    left: Group
    right: Group

    @property
    def settings(self) -> list[tuple[str, str, str]]:
        """What was asked for differently: name, left, right."""
        found = [_settings(group.records) for group in (self.left, self.right)]
        left, right = found
        both = [(name, left.get(name, ""), right.get(name, "")) for name in {**left, **right}]
        return [(name, a, b) for name, a, b in both if a != b]

    @property
    def rows(self) -> list[Row]:
        """All metrics that either has, the most asked for first."""
        names = dict.fromkeys(
            name
            for group in (self.left, self.right)
            for record in group.records
            for name in record.metrics
        )
        order = [
            *(name for name in PRINCIPAL if name in names),
            *(n for n in names if n not in PRINCIPAL),
        ]
        return [Row(name, self.left.figure(name), self.right.figure(name)) for name in order]


def pairs(left: str, right: str, plan: Summary | None, results: Path) -> list[Pair]:
    """What is to be compared: of two runs one pair; of two methods one for each experiment, stage, board and
    batch size in which the study has both, trainings first.

    Args:
        left: the file of a record, the id of a run under `results`, or a method's name in the study.
        right: the same; of the same kind.
        plan: the study's summary; None: there is none, and so no methods.
        results: its folder.

    Raises:
        ConfigError: there is no such run or method, or the study has the two nowhere together.
    """
    records = {path.stem: path for path in sorted(results.glob("[a-z]*/*.json")) if _holds(path)}
    a, b = (_run(name, records) for name in (left, right))
    if a is not None and b is not None:
        title = a.stage if a.stage == b.stage else f"{a.stage} and {b.stage}"
        return [Pair(title, Group("", a.stage, left, (a,)), Group("", b.stage, right, (b,)))]
    methods = _methods(plan)
    for name, run in ((left, a), (right, b)):
        if run is None and name not in methods:
            raise ConfigError(
                f"'{name}': no record's file, no run under {results} and no method of its study"
                f"{nearest(name, [*methods, *records])}; methods are {', '.join(methods) or 'none'}"
            )
        if run is not None:
            other = right if name == left else left
            raise ConfigError(f"'{name}' is a run and '{other}' a method: name two of one kind")
    assert plan is not None
    groups, _ = gather([read_record(path) for path in plan.records(results)], plan.experiments)
    return _of_methods(left, right, groups)


def _of_methods(left: str, right: str, groups: Sequence[Group]) -> list[Pair]:
    def case(group: Group) -> tuple[str, str, str, int]:
        return group.experiment, group.stage, group.board, group.batch_size

    others = {case(group): group for group in groups if group.method == right}
    made = []
    for group in groups:
        other = others.get(case(group)) if group.method == left else None
        if other is not None:
            parts = (group.experiment, group.stage, group.board, f"batch size {group.batch_size}")
            made.append(Pair(", ".join(part for part in parts if part), group, other))
    if not made:
        raise ConfigError(
            f"the study has '{left}' and '{right}' in no experiment together, or neither is trained yet"
        )
    return sorted(made, key=lambda pair: pair.left.stage in UNTRAINED)


def _run(name: str, records: dict[str, Path]) -> Record | None:
    path = Path(name)
    if path.is_file():
        return read_record(path)
    if path.suffix == ".json" or len(path.parts) > 1:
        raise ConfigError(f"{path}: no such file; a record's file is wanted, or a run's id")
    return read_record(records[name]) if name in records else None


def _holds(path: Path) -> bool:
    """Whether a results folder holds a run's record there."""
    return path.parent.name in ("memory", "emulate", "device", "baseline", "profile")


def _methods(plan: Summary | None) -> list[str]:
    runs = [] if plan is None else [run for asked in plan.experiments.values() for run in asked]
    return list(dict.fromkeys(run["method"] for run in runs))


def _settings(records: Sequence[Record]) -> dict[str, str]:
    """Name -> value, of several seeds those that are the same, and of the machine what it is called."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.parameters.items():
            found.setdefault(name, {})[str(value)] = None
        found.setdefault("machine", {})[record.provenance.machine] = None
        found.setdefault("device", {})[record.provenance.host] = None
        found.setdefault("commit", {})[record.provenance.git_commit] = None
    return {name: ", ".join(values) for name, values in found.items()}
