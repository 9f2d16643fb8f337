"""All that is known of a step on a board without the board, as one record.

Its table `instructions` has one row a network, method and target: `instructions` of a step on one
thread, measured under qemu-user.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgebnn.bench.arm.instructions import (
    EMULATORS,
    IMAGES,
    emulator,
    emulator_version,
    instructions_per_step,
)
from edgebnn.bench.cases import Case, methods
from edgebnn.bench.machine import machine
from edgebnn.bench.synthetic import write_images
from edgebnn.record import Record, provenance
from edgebnn.trainer.build import PROGRAMS, compile_trainer, folder_of

STAGE = "bench-arm"
Row = dict[str, str | float]


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
    rows = [row for target in asked.targets for row in _rows(asked, target)]
    known = provenance(started.isoformat(timespec="seconds"), ("ziglang",))
    versions = {EMULATORS[target]: emulator_version(target) for target in asked.targets}
    return Record(
        stage=STAGE,
        run_id=f"{started:%Y%m%d-%H%M%S}",
        parameters={"threads": 1},
        metrics={},
        tables={"instructions": rows},
        provenance=known.model_copy(
            update={"machine": machine(), "versions": known.versions | versions}
        ),
    )


def _rows(asked: Asked, target: str) -> list[Row]:
    _say(f"{target}: building the trainer")
    compile_trainer(target, lambda line: None)
    trainer = (folder_of(target) / PROGRAMS[0]).absolute()
    rows: list[Row] = []
    for case in asked.cases:
        with tempfile.TemporaryDirectory(prefix="edgebnn-bench-") as folder:
            data = Path(folder) / "random.ebd"
            write_images(case, data, IMAGES)
            for name in asked.methods:
                before = time.monotonic()
                count = instructions_per_step(case, methods()[name], target, trainer, data)
                took = time.monotonic() - before
                _say(f"{target}, {case.title}, {name}: {count / 1e9:.4g} G a step ({took:.0f} s)")
                rows.append(
                    {
                        "model": case.model,
                        "batch_size": case.batch_size,
                        "method": name,
                        "target": target,
                        "instructions": count,
                    }
                )
    return rows


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
