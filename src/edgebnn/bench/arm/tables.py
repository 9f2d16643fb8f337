"""The record of `make bench-arm` as tables in Markdown, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Callable

from edgebnn.bench.tables import network, table
from edgebnn.paper import BOARDS
from edgebnn.record import Record

PROTOTYPE_INSTRUCTIONS = {"mlp": 0.51e9, "binarynet": 159e9}
"""Network -> instructions of a step of the authors' C++ prototype, counted in the same way on aarch64."""


def instructions_table(record: Record) -> str:
    """Instructions of a step on one thread: a row a network and target, a column a method."""
    rows = record.tables["instructions"]
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    counts: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        place = str(row["model"]), str(row["target"])
        counts.setdefault(place, {})[str(row["method"])] = float(row["instructions"])
    names = {str(row["model"]): network(row) for row in rows}
    cells = []
    for (model, target), found in counts.items():
        prototype = PROTOTYPE_INSTRUCTIONS.get(model) if target == "aarch64-linux" else None
        cells.append(
            (
                names[model],
                target,
                *(giga(found.get(method)) for method in methods),
                giga(prototype),
                next((f"{b.time_per_batch_s:.2f}" for b in BOARDS if b.model == model), ""),
            )
        )
    titles = (
        "thousand millions of instructions a step",
        "build",
        *methods,
        "the authors' prototype",
        "the paper's step on a Pi 3B+, s",
    )
    return f"{_where(record)}\n\n{table(titles, cells)}"


TABLES: dict[str, Callable[[Record], str]] = {"arm-instructions": instructions_table}
"""Marker -> the table between its two."""


def giga(count: float | None) -> str:
    """Thousands of millions, to three digits; empty for none."""
    if count is None:
        return ""
    return f"{count / 1e9:.3g}" if count < 100e9 else f"{count / 1e9:.0f}"


def _where(record: Record) -> str:
    known = record.provenance
    versions = ", ".join(
        f"{name} {version}"
        for name, version in known.versions.items()
        if name not in ("edgebnn", "python")
    )
    return f"Of {known.started[:10]}, without a board: {versions}."
