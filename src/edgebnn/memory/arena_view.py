"""The trainer's arena on a terminal: methods side by side, the largest buffers and the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgebnn.errors import ConfigError, JobError
from edgebnn.memory.accounting import MIB
from edgebnn.memory.arena import Arena, Life, plan_arena

if TYPE_CHECKING:
    from rich.console import Console

    from edgebnn.study.network import Network
    from edgebnn.study.switches import Switches

LARGEST = 6
"""Buffers of each method that are shown one by one."""


def show_arenas(  # noqa: PLR0917 - a case, as the command line names it
    network: Network,
    batch_size: int,
    optimizer: str,
    methods: dict[str, Switches],
    threads: int,
    freeze: tuple[int, ...],
    console: Console,
) -> None:
    """Prints what the C++ trainer allocates, or why there is nothing to print.

    Args:
        network: shapes and layers, on the data set's input.
        batch_size: samples in a batch.
        optimizer: adam, sgd or bop.
        methods: name -> switches.
        threads: of the trainer.
        freeze: numbers of layers that are not trained.
        console: where to print.
    """
    title = "[bold]this trainer's arena[/]"
    arenas: dict[str, Arena] = {}
    refused: dict[str, list[str]] = {}
    for name, switches in methods.items():
        try:
            arenas[name] = plan_arena(
                network, batch_size, optimizer, switches, threads, freeze=freeze
            )
        except ConfigError as error:
            refused.setdefault(str(error), []).append(name)
        except JobError as error:
            console.print(f"{title}: not known: {escape(str(error).splitlines()[0])}")
            return
    for why, names in refused.items():
        console.print(f"{title}: none of {', '.join(names)}: {escape(why)}")
    if not arenas:
        return
    console.print(
        f"{title}, {threads} thread{'s' if threads > 1 else ''}: as edgebnn-train --plan has it, to "
        f"the byte (planned, not measured)"
    )
    console.print(_buffers(arenas))
    console.print(
        "phases: of a step, forward, loss and backward; buffers of disjoint phases share memory",
        style="dim",
    )


def _buffers(arenas: dict[str, Arena]) -> Table:
    tables = {name: _sizes(arena) for name, arena in arenas.items()}
    shown: dict[tuple[str, Life], None] = {}
    for table in tables.values():
        shown |= dict.fromkeys(sorted(table, key=lambda key: -table[key])[:LARGEST])
    largest = sorted(shown, key=lambda key: -max(table.get(key, 0) for table in tables.values()))
    view = Table(show_footer=True)
    view.add_column("buffer", footer="arena\nin bytes", no_wrap=True)
    view.add_column("phases", style="dim")
    for name, arena in arenas.items():
        footer = f"{_mib(arena.arena_bytes)}\n{arena.arena_bytes}"
        view.add_column(f"{name} MiB", justify="right", footer=footer)
    for key in largest:
        name, (first, last) = key
        sizes = (table.get(key) for table in tables.values())
        view.add_row(
            name, f"{first}..{last}", *("-" if size is None else _mib(size) for size in sizes)
        )
    rest = (
        sum(size for key, size in table.items() if key not in shown) for table in tables.values()
    )
    view.add_row("all others together", "", *map(_mib, rest))
    return view


def _sizes(arena: Arena) -> dict[tuple[str, Life], int]:
    return {(buffer.name, buffer.life): buffer.bytes for buffer in arena.buffers}


def _mib(size: int) -> str:
    return f"{size / MIB:.3f}"
