"""All races of a bench, as one record.

Its tables: `steps`, one row a contestant, and `kernels`, the products of rpi/bench (rooflines.py). A row
of `steps`: seconds a step (median and quartiles of the rounds), bytes of the process at its peak, by
what it was computed and, of the trainer, the least seconds that a step's products take.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edgebnn.bench.cases import Case, methods
from edgebnn.bench.command import say
from edgebnn.bench.contestant import Contestant
from edgebnn.bench.cores import on_cores
from edgebnn.bench.machine import machine
from edgebnn.bench.ours import Ours
from edgebnn.bench.products import by_kernel
from edgebnn.bench.race import Standing, race
from edgebnn.bench.rivals import Starts, rivals
from edgebnn.bench.rooflines import Row, measured_kernels, rates, seconds_at
from edgebnn.bench.synthetic import write_images
from edgebnn.record import Record, provenance
from edgebnn.trainer.native import native_trainer


@dataclass(frozen=True)
class Asked:
    """What a bench is to measure."""

    cases: tuple[Case, ...]
    threads: tuple[int, ...]
    rounds: int = 5
    turn_s: float = 1.0
    """About how long a turn takes."""
    kernel: str | None = None
    """The variant of the trainer's kernels to force; None: its best."""
    alone: bool = False
    """The trainer alone, without rivals."""
    rooflines: bool = True
    """The kernels beside their rooflines, too."""


def measure(asked: Asked) -> Record:
    """Times everything; a line a round goes to standard error.

    Raises:
        JobError: the trainer cannot be built, or fails.
    """
    started = datetime.now(UTC)
    trainer = native_trainer()
    starts = [] if asked.alone else rivals()
    kernels: list[Row] = []
    if asked.rooflines:
        say("the kernels beside their rooflines")
        with on_cores(1):
            kernels = measured_kernels()
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for case in asked.cases:
        for threads in asked.threads:
            with ExitStack() as stack:
                contestants = _contestants(
                    case, threads, asked, trainer=trainer, starts=starts, stack=stack
                )
                where = f"{case.title}, {threads} thread{'s' if threads > 1 else ''}"
                standings = race(
                    contestants, asked.rounds, asked.turn_s, partial(say, f"{where}: ")
                )
            rows += [_row(case, threads, standing, kernels) for standing in standings]
            for one in contestants:
                versions |= one.versions
    known = provenance(started.isoformat(timespec="seconds"), ("ziglang",))
    return Record(
        stage="bench",
        run_id=f"{started:%Y%m%d-%H%M%S}",
        parameters={"rounds": asked.rounds, "kernel": asked.kernel or "best"},
        metrics={},
        tables={"steps": rows, "kernels": kernels},
        provenance=known.model_copy(
            update={"machine": machine(), "versions": known.versions | versions}
        ),
    )


def _contestants(
    case: Case, threads: int, asked: Asked, *, trainer: Path, starts: Starts, stack: ExitStack
) -> list[Contestant]:
    """Rivals first; what they hold is given back when `stack` closes, as are this process's cores."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgebnn-bench-")))
    data = folder / "random.ebd"
    write_images(case, data)
    stack.enter_context(on_cores(threads))
    contestants: list[Contestant] = []
    for start in starts:
        if rival := start(case, threads):
            stack.callback(rival.close)
            contestants.append(rival)
    return contestants + [
        Ours(
            name=name,
            case=case,
            switches=switches,
            threads=threads,
            trainer=trainer,
            data=data,
            kernel=asked.kernel,
        )
        for name, switches in methods().items()
    ]


def _row(case: Case, threads: int, standing: Standing, kernels: list[Row]) -> Row:
    first, middle, third = standing.step_s
    variant = standing.turns[-1].by
    row: Row = {
        "model": case.model,
        "batch_size": case.batch_size,
        "threads": threads,
        "contestant": standing.name,
        "step_s": middle,
        "step_q1_s": first,
        "step_q3_s": third,
        "peak_bytes": standing.peak_bytes,
        "by": variant,
    }
    if switches := methods().get(standing.name):
        multiply_adds = by_kernel(case.network, case.batch_size, switches)
        least = seconds_at(rates(kernels, variant), multiply_adds, threads)
        if least is not None:
            row["products_s"] = least
    return row
