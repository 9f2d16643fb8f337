"""The record of `make curves` as a table in Markdown."""

from __future__ import annotations

from collections.abc import Callable

from edgebnn.bench.tables import network, taken
from edgebnn.markdown import table
from edgebnn.record import Record


def curves_table(record: Record) -> str:
    """A row a network: how far the engines' curves are apart, beside the emulation's own spread."""
    cells = [
        (
            network(row),
            f"{row['steps']:.0f}",
            f"{row['seeds']:.0f}",
            f"{float(row['trainer_end']):.3f}",
            f"{float(row['emulation_end']):.3f}",
            f"{float(row['distance']):.3f}",
            f"{row['first_step']:.0f}",
            f"{float(row['spread']):.3f}",
            str(row["within"]),
        )
        for row in record.tables["curves"]
    ]
    titles = (
        "network",
        "steps",
        "seeds",
        "last loss, trainer",
        "last loss, emulation",
        "distance",
        "from step",
        "spread",
        "within",
    )
    return f"{taken(record)}.\n\n{table(titles, cells)}"


TABLES: dict[str, Callable[[Record], str]] = {"curves": curves_table}
"""Marker -> the table between its two."""
