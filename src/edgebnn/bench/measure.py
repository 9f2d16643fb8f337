"""All races of a bench, as one record: `results/bench/<when it began>.json`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgebnn.bench.cases import Case, methods
from edgebnn.bench.contestant import Contestant
from edgebnn.bench.cores import on_cores
from edgebnn.bench.machine import machine
from edgebnn.bench.ours import Ours
from edgebnn.bench.race import Standing, race
from edgebnn.bench.rivals import Starts, rivals
from edgebnn.bench.synthetic import write_images
from edgebnn.record import Record, provenance
from edgebnn.trainer.native import native_trainer

Row = dict[str, str | float]


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


def measure(asked: Asked) -> Record:
    """Times everything; a line a round goes to standard error.

    Raises:
        JobError: the trainer cannot be built, or fails.
    """
    started = datetime.now(UTC)
    trainer = native_trainer()
    starts = [] if asked.alone else rivals()
    rows: list[Row] = []
    for case in asked.cases:
        for threads in asked.threads:
            rows += _rows(case, threads, _standings(case, threads, asked, trainer, starts))
    provided = provenance(started.isoformat(timespec="seconds"), ("ziglang",))
    return Record(
        stage="bench",
        run_id=f"{started:%Y%m%d-%H%M%S}",
        parameters={"rounds": asked.rounds, "kernel": asked.kernel or "best"},
        metrics={},
        tables={"steps": rows},
        provenance=provided.model_copy(update={"machine": machine()}),
    )


def _standings(
    case: Case, threads: int, asked: Asked, trainer: Path, starts: Starts
) -> list[Standing]:
    where = f"{case.title}, {threads} thread{'s' if threads > 1 else ''}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgebnn-bench-")))
        data = folder / "random.ebd"
        write_images(case, data)
        stack.enter_context(on_cores(threads))
        contestants: list[Contestant] = []
        for start in starts:
            if rival := start(case, threads):
                stack.callback(rival.close)
                contestants.append(rival)
        contestants += [
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
        return race(
            contestants,
            asked.rounds,
            asked.turn_s,
            lambda line: print(f"{where}: {line}", file=sys.stderr, flush=True),
        )


def _rows(case: Case, threads: int, standings: Sequence[Standing]) -> list[Row]:
    """One a contestant: seconds a step (quartiles of the rounds), bytes of the process."""
    rows: list[Row] = []
    for standing in standings:
        first, middle, third = standing.step_s
        rows.append(
            {
                "model": case.model,
                "batch_size": case.batch_size,
                "threads": threads,
                "contestant": standing.name,
                "step_s": middle,
                "step_q1_s": first,
                "step_q3_s": third,
                "peak_bytes": standing.peak_bytes,
                "by": standing.turns[-1].by,
            }
        )
    return rows
