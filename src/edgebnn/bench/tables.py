"""A bench's record as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from edgebnn.record import Record

MIB = 1024 * 1024
YARDSTICK = "Keras f32"
Cells = Sequence[str]


def steps_table(record: Record) -> str:
    """Every contestant: milliseconds a step with its quartiles, peak memory, and the time as a share of Keras'."""
    rows = record.tables["steps"]
    keras = {_place(row): row["step_s"] for row in rows if row["contestant"] == YARDSTICK}
    cells = []
    for row in rows:
        times = [float(row[name]) * 1e3 for name in ("step_s", "step_q1_s", "step_q3_s")]
        beside = keras.get(_place(row))
        cells.append(
            (
                f"{row['model']} B{row['batch_size']:.0f}",
                f"{row['threads']:.0f}",
                str(row["contestant"]),
                "{:.4g} ms ({:.4g} to {:.4g})".format(*times),
                f"{float(row['peak_bytes']) / MIB:.4g} MiB",
                f"{times[0] / 1e3 / float(beside):.2f}" if beside else "",
                str(row["by"]),
            )
        )
    titles = ("network", "threads", "trained by", "one step", "process peak", "/ Keras", "with")
    return table(titles, cells)


def table(titles: Cells, rows: Sequence[Cells]) -> str:
    """A Markdown table, which ends in a line end."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _place(row: dict[str, str | float]) -> tuple[str | float, ...]:
    """What is compared with each other."""
    return row["model"], row["batch_size"], row["threads"]
