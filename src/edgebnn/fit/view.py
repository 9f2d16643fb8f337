"""The answer on a terminal, and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgebnn.fit.answer import PROCESS_BYTES
from edgebnn.fit.choices import NOISE
from edgebnn.memory.accounting import MIB
from edgebnn.paper import DATASET_TITLES, MODEL_TITLES
from edgebnn.study.switches import preset_name

if TYPE_CHECKING:
    from rich.console import Console

    from edgebnn.fit.answer import Way
    from edgebnn.fit.stage import Found

LARGEST = 5
"""Buffers that are shown one by one."""


def show_fit(found: Found, console: Console) -> None:
    """Prints it in the order in which one asks: does it, by which plan, with how much more, how long."""
    asked, place, answer = found.asked, found.place, found.answer
    title = MODEL_TITLES.get(asked.model, asked.model)
    on = f" on {DATASET_TITLES.get(found.dataset, found.dataset)}" if found.dataset else ""
    threads = f"{found.threads} thread{'s' if found.threads > 1 else ''}"
    console.print(
        f"[bold]{escape(title)}{escape(on)}[/], batch size {asked.batch_size}, {asked.optimizer}, "
        f"{preset_name(asked.switches)}, {threads}; {escape(place.title) or 'memory'}: "
        f"{_mib(place.free_bytes)} MiB ({place.said})"
    )
    verdict = "[green]It fits[/]" if answer.fits else "[red]It does not fit[/]"
    console.print(
        f"{verdict}: {_mib(answer.needed_bytes)} MiB are needed: the trainer's arena, "
        f"{_mib(answer.arena.arena_bytes)} (planned, to the byte), and {_mib(PROCESS_BYTES)} for program, "
        f"stacks and files (assumed)."
    )
    console.print(_plan(found))
    if answer.largest_batch:
        console.print(
            f"Largest batch that fits: [bold]{answer.largest_batch}[/]. No larger one: "
            f"{escape(answer.limit)}."
        )
    else:
        console.print(f"No batch fits, not even the smallest: {escape(answer.limit)}.")
    if not answer.fits:
        _show_ways(found, console)
    _show_time(found, console)


def as_json(found: Found) -> str:
    """One object; bytes, seconds and joules as they are."""
    answer, speed = found.answer, found.speed
    return json.dumps(
        {
            "model": found.asked.model,
            "dataset": found.dataset,
            "batch_size": found.asked.batch_size,
            "optimizer": found.asked.optimizer,
            "switches": found.asked.switches.model_dump(),
            "threads": found.threads,
            "board": found.place.name or None,
            "free_bytes": found.place.free_bytes,
            "free_said": found.place.said,
            "fits": answer.fits,
            "needed_bytes": answer.needed_bytes,
            "arena_bytes": answer.arena.arena_bytes,
            "largest_batch": answer.largest_batch,
            "limit": answer.limit,
            "ways": [
                {
                    "changes": way.changes,
                    "arena_bytes": way.arena_bytes,
                    "points_lost": None if way.lost is None else round(way.lost, 2),
                    "source": "measured" if way.choice.measured else "added up",
                }
                for way in answer.ways
            ],
            "speed": speed
            and {
                "step_s": speed.step_s,
                "step_j": speed.step_j,
                "steps_an_epoch": found.steps,
                "source": speed.source,
                "said": speed.said,
            },
        },
        indent=1,
    )


def _plan(found: Found) -> Table:
    arena = found.answer.arena
    largest = sorted(arena.buffers, key=lambda buffer: -buffer.bytes)[:LARGEST]
    view = Table("buffer", "type", title=None)
    view.add_column("MiB", justify="right")
    view.add_column("phases of a step", style="dim")
    for buffer in largest:
        first, last = buffer.life
        view.add_row(buffer.name, buffer.type, _mib(buffer.bytes), f"{first}..{last}")
    rest = sum(buffer.bytes for buffer in arena.buffers) - sum(b.bytes for b in largest)
    view.add_row(f"{len(arena.buffers) - len(largest)} others together", "", _mib(rest), "")
    return view


def _show_ways(found: Found, console: Console) -> None:
    ways = found.answer.ways
    if not ways:
        console.print("No other switches that were measured make it fit with this batch.")
        return
    console.print(
        "What would make it fit, the cheapest first (test accuracy of MNIST's MLP, docs/switches.md; less "
        f"than {NOISE} points is no difference):"
    )
    view = Table("set", "arena, MiB", "accuracy")
    for way in ways:
        changed = ", ".join(f"{key}: {value}" for key, value in way.changes.items())
        if (preset := preset_name(way.choice.switches)) != "custom":
            changed = f"method: {preset} ({changed})"
        view.add_row(changed, _mib(way.arena_bytes), _cost(way))
    console.print(view)


def _cost(way: Way) -> str:
    how = "" if way.choice.measured else ", added up"
    if way.lost is None:
        return f"{way.choice.accuracy:.2f} %{how} (what you ask for was not measured)"
    return f"{-way.lost:+.2f} points{how}"


def _show_time(found: Found, console: Console) -> None:
    speed = found.speed
    if speed is None:
        if found.place.name:
            console.print(
                "Its time is not known: nothing was measured on such a board, and there is no model of it."
            )
        return
    energy = "" if speed.step_j is None else f", {_joules(speed.step_j)}"
    console.print(f"A step: {_time(speed.step_s)}{energy}; {speed.source}.")
    if found.steps:
        energy = "" if speed.step_j is None else f", {_joules(found.steps * speed.step_j)}"
        console.print(
            f"An epoch of {found.images:,} images: [bold]{_time(found.steps * speed.step_s)}{energy}[/] "
            f"({found.steps:,} steps); an estimate, without validation."
        )
    watts = f"; {speed.watts:.1f} W, {found.place.watts_said}" if speed.watts else ""
    console.print(f"{speed.said}{watts}", style="dim", highlight=False, markup=False)


def _mib(size: int) -> str:
    return f"{size / MIB:,.2f}"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def _joules(joules: float) -> str:
    if joules >= 3.6e5:
        return f"{joules / 3.6e6:.2g} kWh"
    return f"{joules / 1e3:.3g} kJ" if joules >= 1e3 else f"{joules:.2g} J"
