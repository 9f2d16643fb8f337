"""What the controller keeps of a job until its record is there: where it was started, and its last checkpoint.

So a controller that was ended finds the job again, and a device that never comes back costs no more than what
was computed since.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgebnn.disk import DISK_ERRORS, cannot_write
from edgebnn.farm.inventory import Inventory


@dataclass(frozen=True)
class Kept:
    """In a folder of its own."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The last that was fetched."""
        return self.folder / "checkpoint"

    @property
    def device(self) -> str:
        """Where the job was started last; empty: nowhere."""
        return self._read("device")

    def starts_on(self, device: str) -> None:
        """The job is about to be started there."""
        self._write("device", device)

    def fetch(self, get: Callable[[Path], None], device: str, trainer: str) -> None:
        """Takes a checkpoint.

        Args:
            get: brings it to a path, or fails.
            device: that it comes from.
            trainer: digest of the program that made it, and alone may go on from it.
        """
        part = self.folder / ".checkpoint"
        part.parent.mkdir(parents=True, exist_ok=True)
        get(part)
        part.replace(self.checkpoint)
        self._write("origin", f"{device} {trainer}")

    def helps(self, device: str, trainer: str) -> bool:
        """True if a device had better go on from here: its own checkpoint is at least as new as what came from it."""
        origin, _, made_by = self._read("origin").partition(" ")
        return made_by == trainer and origin != device and self.checkpoint.exists()

    def drop(self) -> None:
        """The record is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text()
        except OSError:
            return ""

    def _write(self, name: str, text: str) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f".{name}"
            part.write_text(text)
            part.replace(self.folder / name)
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            raise cannot_write(self.folder, error) from error


@contextmanager
def said_where(
    kept: Kept, inventory: Inventory, run: str, say: Callable[[str], None]
) -> Iterator[None]:
    """Whoever interrupts the block is told of the job that goes on without it."""
    try:
        yield
    except KeyboardInterrupt:
        device = inventory.devices.get(kept.device)
        if device and not device.virtual:
            say(
                f"{run} goes on on {kept.device}; the same command follows it again, "
                f"and this one ends it: edgebnn farm stop {run}"
            )
        raise
