"""A study's tables in a written document: methods side by side, and our trainer beside Keras on a board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgebnn import paper
from edgebnn.errors import ConfigError
from edgebnn.markdown import between, table
from edgebnn.record import atomic_write, read_record
from edgebnn.report.compared import Compared, Comparison, comparisons
from edgebnn.report.groups import Figure, Group, gather
from edgebnn.report.number import number
from edgebnn.report.on_board import BoardCase, Cell, board_cases
from edgebnn.summary import read_summary

BOARD_TITLES = ("network", "trained by", "s a batch", "process peak, MiB", "J a batch", "outcome")
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
    """Puts each comparison of a study between its two lines of the document (`name_of`), and what its boards
    took, if it has a baseline, between `<!-- STUDY-boards -->` and `<!-- /STUDY-boards -->`.

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
    made = {name_of(plan.study, case): markdown(case) for case in comparisons(groups)}
    if beside := [case for case in board_cases(groups) if any(row.keras for row in case.rows)]:
        made[f"{plan.study}-boards"] = boards(beside, groups)
    if not made:
        raise ConfigError(f"{plan_summary}: study '{plan.study}' has no methods to compare yet")
    try:
        text = document.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{document}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{document}: not a text in UTF-8") from None
    for name, table_of in made.items():
        text = between(text, name, table_of, document)
    with atomic_write(document) as file:
        file.write(text.encode())


def name_of(study: str, case: Comparison) -> str:
    """`ablation-mnist-mlp-b100-virtual`: in the two lines around a table."""
    where = case.board or case.stage
    return f"{study}-{case.dataset}-{case.model}-b{case.batch_size}-{where}"


def markdown(case: Comparison) -> str:
    """The table, and above it where its figures are from."""
    where = _where([row.group for row in case.rows])
    return where + table(TITLES, [_cells(row) for row in case.rows])


def boards(cases: Sequence[BoardCase], groups: Sequence[Group]) -> str:
    """What our trainer and Keras took on the same devices, and above it where that was."""
    rows = []
    for case in cases:
        model = paper.MODEL_TITLES.get(case.model, case.model)
        network = f"{model}, batch {case.batch_size}"
        for row in case.rows:
            cells = map(_beside_keras, row.cells)
            rows.append((network, f"{row.title}, {row.place}", *cells, row.outcome))
    return _where([g for g in groups if g.stage in ("device", "baseline")]) + table(
        BOARD_TITLES, rows
    )


def _where(groups: Sequence[Group]) -> str:
    records = [record.provenance for group in groups for record in group.records]
    machines = "; ".join(sorted({record.machine for record in records}))
    began = min(record.started for record in records)[:10]
    virtual = ", on virtual devices: the host's time" if any(g.virtual for g in groups) else ""
    return f"Measured from {began} on, {machines}{virtual}.\n\n"


def _beside_keras(cell: Cell) -> str:
    if cell.figure is None:
        return ""
    value = f"{number(cell.figure.value)} ({cell.figure.source})"
    return f"{value}, Keras {number(cell.below_keras)}x" if cell.below_keras else value


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
