"""The record of `make bench-emulation` as tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable

from edgebnn.bench.emulation.contestants import BATCHES, LARQ, METHODS
from edgebnn.bench.tables import MIB, Row, milliseconds, network, place, taken_in_rounds
from edgebnn.markdown import table
from edgebnn.record import Record


def steps_table(record: Record) -> str:
    """A row a contestant: one step with its quartiles and the process's peak, beside larq's."""
    rows = record.tables["steps"]
    larq = {place(row): row for row in rows if row["contestant"] == LARQ}
    cells = []
    for row in rows:
        if row["contestant"] not in (LARQ, *METHODS):
            continue
        beside = larq[place(row)]
        cells.append(
            (
                network(row),
                f"{row['threads']:.0f}",
                f"{row['contestant']} ({row['by']})",
                _time(row),
                f"{float(row['step_s']) / float(beside['step_s']):.2f}",
                f"{float(row['peak_bytes']) / MIB:,.0f}",
                f"{float(row['peak_bytes']) / float(beside['peak_bytes']):.2f}",
            )
        )
    titles = ("network", "threads", "trained by", "one step, ms", "/ larq", "peak, MiB", "/ larq")
    load = f"Load of the machine in the quarter of an hour before: {record.parameters['load']:.1f}."
    return f"{taken_in_rounds(record)} {load}\n\n{table(titles, cells)}"


def batches_table(record: Record) -> str:
    """A row a way to make batches: how long one takes, and its share of each method's step."""
    rows = record.tables["steps"]
    steps = {(place(row), row["contestant"]): float(row["step_s"]) for row in rows}
    cells = [
        (
            network(row),
            f"{row['threads']:.0f}",
            str(row["contestant"]),
            _time(row),
            *(f"{float(row['step_s']) / steps[place(row), method]:.1%}" for method in METHODS),
        )
        for row in rows
        if row["contestant"] in BATCHES
    ]
    shares = (f"of a step, {method}" for method in METHODS)
    return table(("network", "threads", "made", "one batch, ms", *shares), cells)


def _time(row: Row) -> str:
    step, first, third = (
        milliseconds(float(row[name])) for name in ("step_s", "step_q1_s", "step_q3_s")
    )
    return f"{step} ({first} to {third})"


TABLES: dict[str, Callable[[Record], str]] = {
    "bench-emulation": steps_table,
    "bench-emulation-batches": batches_table,
}
"""Marker -> the table between its two."""
