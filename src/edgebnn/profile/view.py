"""A profile on a terminal: memory by group of variables, the largest buffers, and the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgebnn.machine import MIB

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from edgebnn.record import Record

LARGEST = 12
"""Buffers that are shown one by one; the record has them all."""


def show_profile(record: Record, figure: Path, console: Console) -> None:
    """Prints what a profile found, and where its figure is."""
    console.print(_buffers(record))
    console.print(_totals(record))
    console.print(f"massif: {escape(record.notes['massif'])}", style="dim")
    console.print(f"figure: {escape(str(figure))}")


def _buffers(record: Record) -> Table:
    rows = record.tables["buffers"]
    largest = sorted(rows, key=lambda row: -float(row["bytes"]))
    last = int(record.value("phases") or 1) - 1
    view = Table(
        "buffer",
        "group",
        title=f"{record.run_id}: the arena's {len(rows)} buffers, phases 0..{last}",
    )
    view.add_column("MiB", justify="right")
    view.add_column("planned")
    view.add_column("used")
    for row in largest[:LARGEST]:
        view.add_row(
            escape(str(row["variable"])),
            str(row["group"]),
            _mib(row["bytes"]),
            str(row["planned"]),
            str(row["used"]),
        )
    rest = sum(float(row["bytes"]) for row in largest[LARGEST:])
    view.add_row("all others together", "", _mib(rest), "", "")
    return view


def _totals(record: Record) -> Table:
    view = Table("of the process", show_header=False, box=None)
    for name, metric in (
        ("arena, planned", "arena_planned_mib"),
        ("arena, measured peak", "arena_peak_mib"),
        ("process, measured peak", "peak_memory_mib"),
        ("of it no arena: program, stacks, libraries", "not_arena_mib"),
        ("pages mapped, by massif", "massif_peak_mib"),
    ):
        value = record.value(metric)
        view.add_row(name, "absent" if value is None else f"{value:.3f} MiB")
    return view


def _mib(size: str | float) -> str:
    return f"{float(size) / MIB:.3f}"
