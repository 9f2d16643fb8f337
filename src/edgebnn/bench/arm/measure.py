"""All that is known of a step on a board without the board, as one record.

Its table `instructions` has one row a network, method and target: `instructions` of a step on one
thread, measured under qemu-user, and `buffer_bytes`, of all that the trainer's plan holds. The other
tables are those of estimates.py.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgebnn.bench.arm.estimates import Row, board_rows, estimate_rows, loop_rows
from edgebnn.bench.arm.instructions import (
    EMULATORS,
    IMAGES,
    count_of_step,
    emulator,
    emulator_version,
)
from edgebnn.bench.arm.loops import TARGET
from edgebnn.bench.arm.mca import llvm_version
from edgebnn.bench.cases import Case, methods
from edgebnn.bench.command import say
from edgebnn.bench.machine import machine
from edgebnn.bench.synthetic import write_images
from edgebnn.record import Record, provenance
from edgebnn.trainer.build import PROGRAMS, compile_trainer, folder_of

STAGE = "bench-arm"


@dataclass(frozen=True)
class Asked:
    """What is to be counted."""

    cases: tuple[Case, ...]
    targets: tuple[str, ...] = tuple(EMULATORS)
    methods: tuple[str, ...] = ()
    """Of cases.methods()."""


def measure(asked: Asked) -> Record:
    """Builds the trainer for each target and counts; a line a count goes to standard error.

    Raises:
        ConfigError: a target's emulator is not there; nothing has run.
        JobError: the trainer or the plugin cannot be built, or fails.
    """
    started = datetime.now(UTC)
    for target in asked.targets:
        emulator(target)
    for target in asked.targets:
        say(f"{target}: building the trainer")
        compile_trainer(target, lambda line: None)
    loops: list[Row] = []
    if TARGET in asked.targets:
        loops = loop_rows(folder_of(TARGET))
        if not loops:
            say("no llvm-mca on the PATH (Debian's package llvm has it): no estimates")
    counts = [row for target in asked.targets for row in _counts(asked, target)]
    known = provenance(started.isoformat(timespec="seconds"), ("ziglang",))
    versions = {EMULATORS[target]: emulator_version(target) for target in asked.targets}
    if loops:
        versions["llvm-mca"] = llvm_version()
    return Record(
        stage=STAGE,
        run_id=f"{started:%Y%m%d-%H%M%S}",
        parameters={"threads": 1},
        metrics={},
        tables={
            "instructions": counts,
            "loops": loops,
            "estimates": estimate_rows(asked.cases, counts, loops),
            "boards": board_rows(),
        },
        provenance=known.model_copy(
            update={"machine": machine(), "versions": known.versions | versions}
        ),
    )


def _counts(asked: Asked, target: str) -> list[Row]:
    trainer = (folder_of(target) / PROGRAMS[0]).absolute()
    rows: list[Row] = []
    for case in asked.cases:
        with tempfile.TemporaryDirectory(prefix="edgebnn-bench-") as folder:
            data = Path(folder) / "random.ebd"
            write_images(case, data, IMAGES)
            for name in asked.methods:
                before = time.monotonic()
                count = count_of_step(case, methods()[name], target, trainer, data)
                took = time.monotonic() - before
                said = f"{count.instructions / 1e9:.4g} G instructions a step"
                say(f"{target}, {case.title}, {name}: {said} ({took:.0f} s)")
                rows.append(
                    {
                        "model": case.model,
                        "batch_size": case.batch_size,
                        "method": name,
                        "target": target,
                        "source": "measured",
                        **asdict(count),
                    }
                )
    return rows
