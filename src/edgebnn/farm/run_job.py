"""What every run's job on a device is, whatever trains there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edgebnn.farm.detached import JOBS
from edgebnn.farm.kept import Kept
from edgebnn.farm.metering import Metering
from edgebnn.study.run import Run


@dataclass(kw_only=True)
class RunJob:
    """The part of attempt.Job that a run tells, and what both ways of training need."""

    run: Run
    data: Path
    binaries: Path
    output: Path
    say: Callable[[str], None]
    replaces: str
    kept: Kept
    plugs: ExitStack
    """Ends the reading of meters."""
    meter: Metering | None = None
    """Of the job that this process started last."""

    @property
    def purpose(self) -> str:
        """As others read it who find the device taken."""
        return f"run {self.run.id}"

    @property
    def board(self) -> str:
        """The kind of device."""
        assert self.run.board
        return self.run.board

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of those that may do it; empty: any of its board."""
        return self.run.devices

    @property
    def folder(self) -> str:
        """The job's own, there."""
        return f"{JOBS}/{self.run.id}"
