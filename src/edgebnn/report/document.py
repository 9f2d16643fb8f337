"""The methods of a study side by side, as tables of a written document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.markdown import between, table
from edgebnn.record import atomic_write, read_record
from edgebnn.report.compared import Compared, Comparison, comparisons
from edgebnn.report.groups import Figure, gather
from edgebnn.summary import read_summary

TITLES = (
    "optimiser",
    "method",
    "test accuracy, %",
    "seeds",
    "memory, MiB, modelled",
    "arena, MiB",
    "ms a batch",
)


def write_tables(records: Sequence[Path], plan_summary: Path, document: Path) -> None:
    """Puts each comparison of a study between its two lines of the document (`name_of`).

    Args:
        records: files of any stage.
        plan_summary: results/plan.json.
        document: a Markdown file.

    Raises:
        ConfigError: a file is not a record, or the plan's summary is not one; the document or two of
            its lines are not there, or the study compares nothing.
        InfrastructureError: the document cannot be written.
    """
    plan = read_summary(plan_summary)
    groups, _ = gather([read_record(path) for path in records], plan.experiments)
    found = comparisons(groups)
    if not found:
        raise ConfigError(f"{plan_summary}: study '{plan.study}' has no methods to compare yet")
    try:
        text = document.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{document}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{document}: not a text in UTF-8") from None
    for case in found:
        text = between(text, name_of(plan.study, case), markdown(case), document)
    with atomic_write(document) as file:
        file.write(text.encode())


def name_of(study: str, case: Comparison) -> str:
    """`ablation-mnist-mlp-b100-virtual`: in the two lines around a table."""
    where = case.board or case.stage
    return f"{study}-{case.dataset}-{case.model}-b{case.batch_size}-{where}"


def markdown(case: Comparison) -> str:
    """The table, and above it where its figures are from."""
    records = [record.provenance for row in case.rows for record in row.group.records]
    machines = "; ".join(sorted({record.machine for record in records}))
    began = min(record.started for record in records)[:10]
    virtual = ", on virtual devices: the host's time" if case.virtual else ""
    return f"Measured from {began} on, {machines}{virtual}.\n\n" + table(
        TITLES, [_cells(row) for row in case.rows]
    )


def _cells(row: Compared) -> tuple[str, ...]:
    return (
        row.group.optimizer,
        row.group.method,
        _figure(row.accuracy, 2) + (f" ({row.group.at_chance})" if row.group.at_chance else ""),
        str(len(row.group.records)),
        _figure(row.memory, 2),
        _figure(row.arena, 2),
        f"{1e3 * row.time.value:.2f}" if row.time else "",
    )


def _figure(figure: Figure | None, decimals: int) -> str:
    if figure is None:
        return ""
    spread = f" ± {figure.spread:.{decimals}f}" if figure.spread else ""
    return f"{figure.value:.{decimals}f}{spread}"
