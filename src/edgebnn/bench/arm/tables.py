"""The record of `make bench-arm` as tables in Markdown, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Callable

from edgebnn.bench.tables import network
from edgebnn.markdown import table
from edgebnn.paper import BOARDS
from edgebnn.record import Record

PROTOTYPE_INSTRUCTIONS = {"mlp": 0.51e9, "binarynet": 159e9}
"""Network -> instructions of a step of the authors' C++ prototype, counted in the same way on aarch64."""
PAPERS_BOARD = "Pi 3B+"
"""The board of the paper's times, as boards.py calls it."""
NO_LOOPS = "None: llvm-mca was not there.\n"


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
        given = [found.get(method) for method in methods]
        cells.append((names[model], target, *map(_giga, given), _giga(prototype)))
    titles = (
        "thousand millions of instructions a step",
        "build",
        *methods,
        "the authors' prototype",
    )
    return f"{_where(record)}\n\n{table(titles, cells)}"


def loops_table(record: Record) -> str:
    """The products' inner loops on each processor: cycles of an iteration beside the limit."""
    cells = []
    for row in record.tables["loops"]:
        cycles, limit, adds = (
            float(row[name]) for name in ("cycles", "limit_cycles", "multiply_adds")
        )
        cells.append(
            (
                str(row["kernel"]),
                str(row["processor"]),
                f"{row['instructions']:.0f}",
                f"{adds:.0f}",
                f"{cycles:.0f}",
                f"{limit:.0f}",
                f"{cycles / limit:.2f}",
                f"{adds / cycles:.1f}",
                f"{row['width']:.0f}",
            )
        )
    titles = (
        "kernel",
        "processor",
        "instructions",
        "multiply-adds",
        "cycles",
        "limit, cycles",
        "cycles / limit",
        "multiply-adds a cycle",
        "issue width",
    )
    return table(titles, cells) if cells else NO_LOOPS


def estimates_table(record: Record) -> str:
    """Estimated seconds of a step: a row a network, method and board."""
    rows = record.tables["estimates"]
    one = {_place(row): row for row in rows if row["threads"] == 1}
    cells = []
    for row in rows:
        if row["threads"] == 1:
            continue
        alone = one[_place(row)]
        papers = next((b.time_per_batch_s for b in BOARDS if b.model == row["model"]), None)
        products, rest = float(alone["products_s"]), float(alone["rest_s"])
        cells.append(
            (
                network(row),
                str(row["method"]),
                str(row["board"]),
                f"{float(alone['step_s']):.3g}",
                f"{float(row['step_s']):.3g}",
                f"{products / (products + rest):.0%}",
                f"{float(row['memory_s']):.2g}",
                f"{papers:.2f}" if papers and row["board"] == PAPERS_BOARD else "",
            )
        )
    titles = (
        "estimated, one step",
        "method",
        "board",
        "one thread, s",
        "four threads, s",
        "of it the products",
        "memory's floor, s",
        "the paper's prototype, s",
    )
    return table(titles, cells) if cells else NO_LOOPS


def boards_table(record: Record) -> str:
    """What is assumed of the boards."""
    cells = [
        (
            str(row["name"]),
            f"{row['cores']:.0f} x {row['processor']}",
            f"{float(row['clock_hz']) / 1e9:.1f}",
            f"{row['rest_cycles']:.1f}",
            f"{float(row['bytes_per_s']) / 1e9:.0f}",
            f"{row['efficiency']:.1f}",
        )
        for row in record.tables["boards"]
    ]
    titles = (
        "assumed of",
        "cores",
        "clock, GHz",
        "cycles an instruction outside the loops",
        "memory, GB/s",
        "a core's speed with all at work / alone",
    )
    return table(titles, cells)


TABLES: dict[str, Callable[[Record], str]] = {
    "arm-instructions": instructions_table,
    "arm-loops": loops_table,
    "arm-estimates": estimates_table,
    "arm-boards": boards_table,
}
"""Marker -> the table between its two."""


def _giga(count: float | None) -> str:
    """Thousands of millions, to three digits; empty for none."""
    if count is None:
        return ""
    return f"{count / 1e9:.3g}" if count < 100e9 else f"{count / 1e9:.0f}"


def _place(row: dict[str, str | float]) -> tuple[str | float, ...]:
    return row["model"], row["batch_size"], row["method"], row["board"]


def _where(record: Record) -> str:
    known = record.provenance
    versions = ", ".join(
        f"{name} {version}"
        for name, version in known.versions.items()
        if name not in ("edgebnn", "python")
    )
    return f"Of {known.started[:10]}, without a board: {versions}."
