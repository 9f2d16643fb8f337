"""The memory model on a terminal: methods side by side, the paper's printed figures below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.table import Table

from edgebnn.memory.accounting import (
    AS_PRINTED_FOR_CNV,
    PAPER,
    Accounting,
    Variable,
    memory_table,
    total_mib,
)
from edgebnn.paper import MODEL_TITLES, Memory, published_memory
from edgebnn.study.optimizer_config import Optimizer, optimizer_of
from edgebnn.study.switches import PRESETS

if TYPE_CHECKING:
    from rich.console import Console

    from edgebnn.study.network import Network
    from edgebnn.study.switches import Switches

GIB_FROM = 10 * 1024
"""MiB from which sizes are shown in GiB."""

CNV_RULE = "standard masks at the inputs of the convolutions before each pool, no proposed masks"


@dataclass(frozen=True)
class _Unit:
    """How sizes are shown: `mib` MiB make one, with so many digits after the point."""

    name: str
    mib: int
    digits: int = 2

    def show(self, mib: float, sign: str = "") -> str:
        return f"{round(mib / self.mib, self.digits) + 0.0:{sign}.{self.digits}f}"


def show(  # noqa: PLR0917 - a case of the model, as the command line names it
    network: Network,
    model_name: str,
    batch_size: int,
    optimizer: str,
    methods: dict[str, Switches],
    freeze: tuple[int, ...],
    console: Console,
) -> None:
    """Prints the table of variables, the totals and, where the paper prints this case, its figures.

    Args:
        network: shapes and layers, on the data set's input.
        model_name: the model's file name without its ending.
        batch_size: samples in a batch.
        optimizer: adam, sgd or bop.
        methods: name -> switches; the first is what the others are compared with.
        freeze: numbers of layers that are not trained.
        console: where to print.
    """
    tables = {
        name: memory_table(network, batch_size, optimizer, switches, freeze=freeze)
        for name, switches in methods.items()
    }
    largest = max(total_mib(table) for table in tables.values())
    unit = _Unit("GiB", 1024) if largest >= GIB_FROM else _Unit("MiB", 1, 3 if largest < 10 else 2)
    title = MODEL_TITLES.get(model_name, model_name)
    asked = Optimizer(kind=optimizer)
    other = [n for n, s in methods.items() if optimizer_of(asked, s).kind != optimizer]
    by = f"{optimizer} (bop: {', '.join(other)})" if other else optimizer
    frozen = f", frozen: {', '.join(map(str, freeze))}" if freeze else ""
    console.print(
        f"[bold]{title}[/], batch size {batch_size}, {by}{frozen}: memory by the paper's accounting "
        f"(modelled, not measured)"
    )
    console.print(_variables(tables, unit))
    console.print("~ transient: lives within one layer's step only", style="dim")
    published = published_memory(model_name, batch_size, optimizer)
    as_in_paper = all(methods.get(name) == PRESETS[name] for name in ("standard", "proposed"))
    if published is None or network.input != published.input or not as_in_paper or freeze:
        return

    def totals(accounting: Accounting) -> tuple[float, float]:
        standard, proposed = (
            memory_table(network, batch_size, optimizer, methods[name], accounting=accounting)
            for name in ("standard", "proposed")
        )
        return total_mib(standard), total_mib(proposed)

    lines = [("by the formula", totals(PAPER), "")]
    if model_name == "cnv":
        lines.append(("by the paper's rule", totals(AS_PRINTED_FOR_CNV), CNV_RULE))
    console.print(_beside_paper(lines, published, unit))


def saving(standard_mib: float, proposed_mib: float) -> str:
    """`512.85 / 138.15` as `3.71x`."""
    return f"{standard_mib / proposed_mib:.2f}x"


def _variables(tables: dict[str, list[Variable]], unit: _Unit) -> Table:
    view = Table(show_footer=True)
    view.add_column("variable", footer="total")
    first = next(iter(tables.values()))
    for index, (name, table) in enumerate(tables.items()):
        total = total_mib(table)
        ratio = f"saving {saving(total_mib(first), total)}" if index else ""
        view.add_column("type", footer=ratio, style="dim")
        view.add_column(f"{name} {unit.name}", justify="right", footer=unit.show(total))
    names = list(dict.fromkeys(row.name for table in tables.values() for row in table))
    for name in names:
        cells = []
        mark = ""
        for table in tables.values():
            row = next((row for row in table if row.name == name), None)
            cells += [row.type, unit.show(row.mib)] if row else ["-", "-"]
            mark = " ~" if row and row.transient else mark
        view.add_row(name + mark, *cells)
    return view


def _beside_paper(
    lines: list[tuple[str, tuple[float, float], str]], published: Memory, unit: _Unit
) -> Table:
    """Totals `standard -> proposed` in MiB, ours by name and note, the paper's, and the difference."""
    view = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, (standard, proposed), note in lines:
        figures = f"{unit.show(standard)} -> {unit.show(proposed)} {unit.name}"
        view.add_row(name, figures, saving(standard, proposed), note)
    if published.standard_mib is None or published.proposed_mib is None:
        view.add_row(
            "the paper prints", "the factor alone", f"{published.saving:.2f}x", published.note
        )
    else:
        printed = replace(unit, digits=1) if published.about else unit
        figures = (
            f"{'about ' if published.about else ''}{printed.show(published.standard_mib)} -> "
            f"{printed.show(published.proposed_mib)} {unit.name}"
        )
        view.add_row("the paper prints", figures, f"{published.saving:.2f}x", "")
        (standard, proposed) = lines[-1][1]
        differences = (
            f"{printed.show(standard - published.standard_mib, sign='+')}, "
            f"{printed.show(proposed - published.proposed_mib, sign='+')} {unit.name}"
        )
        view.add_row("difference", differences, "", published.note)
    return view
