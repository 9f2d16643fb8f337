"""Instructions of a training step, counted under qemu-user, whatever else the machine does.

Two trainings of one thread differ in their steps alone: start, data file and evaluation drop out of
their difference. Counts repeat to a few hundred instructions: trainings print times, which differ.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.bench.arm.plugin import counting_plugin
from edgebnn.bench.cases import Case
from edgebnn.bench.ours import run_of
from edgebnn.errors import ConfigError, JobError
from edgebnn.study.switches import Switches
from edgebnn.trainer.run_file import run_file

EMULATORS = {"aarch64-linux": "qemu-aarch64", "armv7-linux": "qemu-arm"}
"""Target -> the program of qemu-user that runs it."""
IMAGES = 1000
"""Of the data file, to train on; one more each to validate and to test."""
STEPS = (1, 3)
"""Of the two trainings."""
STEPS_OF = {"binarynet": (1, 2), "cnv": (1, 2)}
"""Of networks whose steps take long."""


def emulator(target: str) -> str:
    """The emulator's path.

    Raises:
        ConfigError: it is not on the PATH.
    """
    program = EMULATORS[target]
    found = shutil.which(program)
    if found is None:
        raise ConfigError(f"{program}: not on the PATH; Debian's package qemu-user has it")
    return found


def emulator_version(target: str) -> str:
    """`7.2.19`, of the target's emulator."""
    done = subprocess.run([emulator(target), "--version"], check=True, capture_output=True)
    found = re.search(rb"version ([\d.]+)", done.stdout)
    return found[1].decode() if found else "unknown"


@dataclass(frozen=True)
class Count:
    """Of one training step on one thread."""

    instructions: float
    buffer_bytes: int
    """Of all that the trainer's plan holds: weights, maps, gradients, whatever their lives."""


def count_of_step(case: Case, switches: Switches, target: str, trainer: Path, data: Path) -> Count:
    """Counts two trainings.

    Args:
        trainer: the program, built for the target.
        data: the case's IMAGES images; the run file is written beside it.

    Raises:
        ConfigError: no emulator for the target.
        JobError: the training failed, or was not counted.
    """
    run = data.with_suffix(".run")
    run.write_text(run_file(run_of(case, switches, epochs=1)))
    few, more = STEPS_OF.get(case.model, STEPS)
    command = [emulator(target), "-plugin", str(counting_plugin()), str(trainer)]
    command += ["--run", str(run), "--data", str(data), "--threads", "1", "--steps"]
    (first, plan), (second, _) = (_counted([*command, str(steps)]) for steps in (few, more))
    return Count(
        (second - first) / (more - few), sum(buffer["bytes"] for buffer in plan["buffers"])
    )


def _counted(command: list[str]) -> tuple[int, Any]:
    """Instructions of a training, and its plan: the first line that it says."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = re.search(r"^instructions (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode or found is None:
        raise JobError(f"{command[0]}: exit status {done.returncode}: {done.stderr.strip()}")
    return int(found[1]), json.loads(done.stdout.splitlines()[0])
