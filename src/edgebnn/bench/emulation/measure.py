"""All races of the emulation against larq, as one record.

Its table `steps` has a row a contestant, and one for each way to make batches, in which a step is a batch.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edgebnn.bench.cases import Case
from edgebnn.bench.command import say
from edgebnn.bench.cores import on_cores
from edgebnn.bench.emulation.compare import compared
from edgebnn.bench.emulation.contestants import specs_of, starts_of
from edgebnn.bench.emulation.larq_environment import larq_python
from edgebnn.bench.machine import machine
from edgebnn.bench.race import race
from edgebnn.errors import JobError
from edgebnn.record import Record, provenance

STAGE = "bench-emulation"


@dataclass(frozen=True)
class Asked:
    """What is to be measured."""

    cases: tuple[Case, ...]
    threads: tuple[int, ...]
    rounds: int
    turn_s: float


def measure(asked: Asked) -> Record:
    """Times everything; a line a round goes to standard error.

    Raises:
        JobError: larq cannot be had; the two networks differ; a contestant ended.
    """
    started, load = datetime.now(UTC), os.getloadavg()[2]
    python = larq_python()
    if python is None:
        raise JobError("larq: its environment could not be made; the line above says why")
    rows: list[dict[str, str | float]] = []
    versions: dict[str, str] = {}
    for case in asked.cases:
        with tempfile.TemporaryDirectory(prefix="edgebnn-bench-") as folder:
            specs = specs_of(case, Path(folder))
            apart, parameters = compared(specs, python, Path(folder))
            say(f"{case.title}: {parameters} parameters in both, logits {apart:.1e} apart at most")
            for threads in asked.threads:
                where = f"{case.title}, {threads} thread{'s' if threads > 1 else ''}"
                with ExitStack() as stack:
                    stack.enter_context(on_cores(threads))
                    contestants = []
                    for start in starts_of(specs, python, threads):
                        contestants.append(stack.enter_context(closing(start())))
                        versions |= contestants[-1].versions
                    standings = race(
                        contestants, asked.rounds, asked.turn_s, partial(say, f"{where}: ")
                    )
                for standing in standings:
                    first, middle, third = standing.step_s
                    rows.append(
                        {
                            "model": case.model,
                            "batch_size": case.batch_size,
                            "threads": threads,
                            "contestant": standing.name,
                            "by": standing.turns[-1].by,
                            "step_s": middle,
                            "step_q1_s": first,
                            "step_q3_s": third,
                            "peak_bytes": standing.peak_bytes,
                            "parameters": parameters,
                            "logits_apart": apart,
                        }
                    )
    known = provenance(started.isoformat(timespec="seconds"), ("numpy",))
    return Record(
        stage=STAGE,
        run_id=f"{started:%Y%m%d-%H%M%S}",
        parameters={"rounds": asked.rounds, "load": load},
        metrics={},
        tables={"steps": rows},
        provenance=known.model_copy(
            update={"machine": machine(), "versions": known.versions | versions}
        ),
    )
