"""A bench's record as tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgebnn.markdown import table
from edgebnn.record import Record

MIB = 1024 * 1024
YARDSTICK = "Keras f32"
Row = dict[str, str | float]
Cells = Sequence[str]
NETWORKS = {"mlp": "MLP", "binarynet": "BinaryNet", "cnv": "CNV"}


def steps_table(record: Record) -> str:
    """Every contestant: one step with its quartiles, its share of Keras', peak memory, and the products' least time."""
    rows = record.tables["steps"]
    keras = {place(row): float(row["step_s"]) for row in rows if row["contestant"] == YARDSTICK}
    cells = []
    for row in rows:
        step, first, third = (float(row[name]) for name in ("step_s", "step_q1_s", "step_q3_s"))
        beside, least = keras.get(place(row)), row.get("products_s")
        cells.append(
            (
                network(row),
                f"{row['threads']:.0f}",
                f"{row['contestant']} ({row['by']})",
                f"{milliseconds(step)} ({milliseconds(first)} to {milliseconds(third)})",
                f"{step / beside:.2f}" if beside else "",
                f"{float(row['peak_bytes']) / MIB:,.1f}",
                milliseconds(float(least)) if least is not None else "",
                f"{float(least) / step:.0%}" if least is not None else "",
            )
        )
    titles = (
        "network",
        "threads",
        "trained by",
        "one step, ms",
        "/ Keras",
        "process peak, MiB",
        "its products at their rooflines, ms",
        "of the step",
    )
    return f"{taken_in_rounds(record)}\n\n{table(titles, cells)}"


def kernels_table(record: Record) -> str:
    """Every product of the variant that trained, beside its roofline."""
    variants = {row["by"] for row in record.tables["steps"]}
    cells = []
    for row in record.tables.get("kernels", []):
        if row["variant"] in variants:
            rate, most = float(row["gmac_per_s"]), row.get("roofline_gmac_per_s")
            cells.append(
                (
                    f"{row['kernel']} ({row['variant']})",
                    str(row["product"]),
                    f"{row['rows']:.0f} x {row['terms']:.0f} x {row['lanes']:.0f}",
                    f"{rate:.1f}",
                    f"{float(most):.1f}" if most is not None else "",
                    f"{rate / float(most):.0%}" if most is not None else "",
                )
            )
    titles = ("kernel", "product", "rows x terms x lanes", "GMAC/s", "roofline", "of it")
    return table(titles, cells)


def summary_table(record: Record) -> str:
    """One thread: a step's time and the process's peak, a row a network, a column a contestant."""
    rows = [row for row in record.tables["steps"] if row["threads"] == 1]
    names = list(dict.fromkeys(str(row["contestant"]) for row in rows))
    networks: dict[str, dict[str, str]] = {}
    for row in rows:
        cell = f"{milliseconds(float(row['step_s']))} ms, {float(row['peak_bytes']) / MIB:,.0f} MiB"
        networks.setdefault(network(row), {})[str(row["contestant"])] = cell
    cells = [(title, *(found.get(name, "") for name in names)) for title, found in networks.items()]
    return f"{taken_in_rounds(record)}\n\n{table(('one step, one thread', *names), cells)}"


TABLES: dict[str, Callable[[Record], str]] = {
    "bench-steps": steps_table,
    "bench-kernels": kernels_table,
    "bench-summary": summary_table,
}
"""Marker -> the table between its two."""


def taken(record: Record) -> str:
    """When, where and with what it was measured."""
    known = record.provenance
    versions = ", ".join(
        f"{name} {version}" for name, version in known.versions.items() if name != "edgebnn"
    )
    return f"Measured {known.started[:10]} on {known.machine}; {versions}"


def taken_in_rounds(record: Record) -> str:
    """The same, and of how many rounds."""
    rounds = int(record.parameters["rounds"])
    return (
        f"{taken(record)}; "
        f"median{' and quartiles' if rounds > 1 else ''} of {rounds} round{'s' if rounds > 1 else ''}."
    )


def network(row: Row) -> str:
    """`MLP, batch 200`."""
    model = str(row["model"])
    return f"{NETWORKS.get(model, model)}, batch {row['batch_size']:.0f}"


def milliseconds(seconds: float) -> str:
    """Milliseconds, to three digits."""
    ms = seconds * 1e3
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"


def place(row: Row) -> tuple[str | float, ...]:
    """What is compared with each other."""
    return row["model"], row["batch_size"], row["threads"]
