"""What `make bench-arm` found: instructions of a step, and the cost of the products' inner loops.

From the newest record, results/bench/arm-*.json, where there is one; else from the tables that it left in
docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebnn.bench.arm.estimate import Cost
from edgebnn.bench.arm.loops import TARGET
from edgebnn.errors import ConfigError
from edgebnn.markdown import rows_between
from edgebnn.paper import MODEL_TITLES
from edgebnn.record import read_record

INSTRUCTIONS, LOOPS = "arm-instructions", "arm-loops"
"""The tables' names in the document."""
_BESIDE = ("thousand millions of instructions a step", "build", "the authors' prototype")


@dataclass(frozen=True)
class Counted:
    """Of the build for aarch64, one thread."""

    where: str
    """The file."""
    instructions: Mapping[tuple[str, int, str], float]
    """(model, batch size, method as the bench calls it) -> of a step."""
    costs: Mapping[str, Mapping[str, Cost]]
    """Processor -> kernel -> of its inner loop."""


def counted(results: Path, document: Path) -> Counted | None:
    """The newest counts; None where there are none.

    Args:
        results: a study's folder.
        document: docs/performance.md.

    Raises:
        ConfigError: a file that is not what it should be.
    """
    for path in sorted((results / "bench").glob("arm-*.json"), reverse=True):
        found = _of_record(path)
        if found.instructions and found.costs:
            return found
    return _of_document(document) if document.is_file() else None


def _of_record(path: Path) -> Counted:
    tables = read_record(path).tables
    try:
        instructions = {
            (str(row["model"]), int(row["batch_size"]), str(row["method"])): float(
                row["instructions"]
            )
            for row in tables.get("instructions", [])
            if row["target"] == TARGET
        }
        return Counted(str(path), instructions, _costs(tables.get("loops", [])))
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path}: no record of make bench-arm: {error}") from None


def _of_document(path: Path) -> Counted:
    text = path.read_text(encoding="utf-8")
    models = {title: model for model, title in MODEL_TITLES.items()}
    instructions = {}
    for row in rows_between(text, INSTRUCTIONS, path):
        network, build, _ = (row[title] for title in _BESIDE)
        title, _, batch = network.partition(", batch ")
        for method, figure in row.items():
            if build == TARGET and method not in _BESIDE and figure:
                instructions[models[title], int(batch), method] = 1e9 * float(figure)
    loops = [
        {name.replace(" ", "_").replace("-", "_"): figure for name, figure in row.items()}
        for row in rows_between(text, LOOPS, path)
    ]
    return Counted(f"{path.parent.name}/{path.name}", instructions, _costs(loops))


def _costs(rows: list[dict[str, str | float]] | list[dict[str, str]]) -> dict[str, dict[str, Cost]]:
    found: dict[str, dict[str, Cost]] = {}
    for row in rows:
        cycles, instructions, adds = (
            float(row[name]) for name in ("cycles", "instructions", "multiply_adds")
        )
        cost = Cost(cycles / adds, instructions / adds)
        found.setdefault(str(row["processor"]), {})[str(row["kernel"])] = cost
    return found
