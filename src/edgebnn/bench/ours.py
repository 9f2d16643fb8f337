"""The trainer as a contestant: a process of its own each turn, timed by the trainer itself."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.bench.cases import Case
from edgebnn.bench.contestant import Turn
from edgebnn.bench.synthetic import BATCHES
from edgebnn.errors import JobError
from edgebnn.study.optimizer_config import Optimizer, optimizer_of
from edgebnn.study.run import Run
from edgebnn.study.switches import Switches
from edgebnn.trainer.run_file import run_file


@dataclass(frozen=True, kw_only=True)
class Ours:
    """`edgebnn-train` on one case with one method."""

    name: str
    """Of the method, for tables."""
    case: Case
    switches: Switches
    threads: int
    trainer: Path
    """The built program."""
    data: Path
    """The packed file of the case's images; run files are written beside it."""
    kernel: str | None = None
    """The variant of its kernels to force; None: its best."""

    @property
    def versions(self) -> dict[str, str]:
        """None: they stand in every record."""
        return {}

    def turn(self, steps: int) -> Turn:
        """One process; its first step, which touches all memory first, is one of `steps`.

        Raises:
            JobError: the trainer failed; the message is its own.
        """
        run = self.data.with_suffix(f".{self.name.replace(' ', '-')}.run")
        run.write_text(run_file(run_of(self.case, self.switches, -(-steps // BATCHES))))
        options = ["--run", str(run), "--data", str(self.data)]
        options += ["--steps", str(steps), "--threads", str(self.threads)]
        title = f"{self.case.title}, {self.name}"
        record = events_of(self.trainer, options, title, self.kernel)[-1]
        metrics = record["metrics"]
        return Turn(
            step_s=metrics["time_per_batch_s"],
            peak_bytes=int(metrics["process_peak_bytes"]),
            by=record["versions"]["kernels"],
        )


def events_of(
    trainer: Path, options: list[str], title: str, kernel: str | None = None
) -> list[dict[str, Any]]:
    """What the trainer says, a JSON object a line (docs/formats.md); the record is the last.

    Args:
        title: of the training, for messages.
        kernel: the variant of its kernels to force; None: its best.

    Raises:
        JobError: the trainer failed; the message is its own.
    """
    environment = os.environ | ({"EDGEBNN_KERNEL": kernel} if kernel else {})
    command = [str(trainer), *options]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise JobError(f"{title}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_of(case: Case, switches: Switches, epochs: int) -> Run:
    """What the trainer is told to do: the case's network by the method, with Adam."""
    return Run(
        stage="device",
        dataset="random",
        model=case.model,
        network=case.network,
        switches=switches,
        optimizer=optimizer_of(Optimizer(kind="adam"), switches),
        batch_size=case.batch_size,
        epochs=epochs,
        seed=0,
    )
