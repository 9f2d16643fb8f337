"""What the jobs of one machine know of each other: who is at which device, who waited first, which device failed.

Files of a folder that they share. A device has one with an `flock` that the job has which tries it or works
there, and with a notice in it: why it is passed over for now. So a job asks no device that a neighbour is at,
and a silent one is not found out by each job anew. A job that waits has a file too, with an `flock` as long as
it lives; a device that became free is for the one that waited longest. What is decided stays right without
all this, by the lease on the device: jobs of other machines know no more than that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Literal

from edgebnn.disk import DISK_ERRORS, cannot_write

ASLEEP_S = 15.0
"""A job that waits and has not asked for so long is stopped, by hand perhaps: others do not wait for it."""


@dataclass(frozen=True)
class Notice:
    """Why a device is passed over, and until when. Times are of one clock, Farm.now."""

    kind: Literal["busy", "passing", "lasting"]
    """Another works there, who is no neighbour; or it failed, and may mend itself, or not."""
    text: str
    """Who works there; or the error."""
    at: float
    until: float
    pause: float
    """Seconds between the two; the next time it is twice as long."""


class Neighbours:
    """A job among those of its machine."""

    def __init__(self, folder: Path, keys: dict[str, str], began: float) -> None:
        """
        Args:
            folder: the same for all jobs.
            keys: name of a device that this job may take -> what all call it.
            began: when the job came, by Farm.now.

        Raises:
            InfrastructureError: the folder cannot be written.
        """
        self._folder, self._began = folder, began
        self._devices = {name: folder / _file_name(key) for name, key in keys.items()}
        self._ticket: int | None = None
        self._name = f"{began:020.6f} {os.getpid()} {id(self)}"
        """Of the file of its waiting: sorted, the oldest job is first."""
        self._held: dict[str, int] = {}
        with self._turn():
            pass

    def take(self, name: str) -> bool:
        """Holds a device, whoever else waits for it; False if a neighbour is there."""
        with self._turn():
            return self._take(name)

    def take_one(self, names: list[str], now: float) -> tuple[str, float]:
        """Holds the first of these that is free, not to be passed over, and meant for none who waits longer.

        What was noted before this job came is passed over only as long as there is another to wait for.

        Returns:
            Its name; empty if there is none now: then this job waits until it asks again. And when the next of
            those that are free is to be passed over no longer.
        """
        with self._turn():
            free = [name for name in names if self._free(name)]
            notices = {name: notice for name in free if (notice := self.notice(name, now))}
            fit = [name for name in free if name not in notices or notices[name].until <= now]
            if not fit and len(free) == len(names):
                fit = [name for name in free if notices[name].at < self._began]
            for wanted in self._older(now) if fit else []:
                meant = next((name for name in fit if self._devices[name].name in wanted), None)
                fit = [name for name in fit if name != meant]
            if fit and self._take(fit[0]):
                self._stop_waiting()
                return fit[0], now
            self._wait(names, now)
            untils = [notice.until for notice in notices.values() if notice.until > now]
            return "", min(untils, default=inf)

    def leave(self, name: str) -> None:
        """Lets others have a device; one that is not held stays as it is."""
        if name in self._held:
            os.close(self._held.pop(name))

    def close(self) -> None:
        """Leaves all, and waits no longer."""
        for name in list(self._held):
            self.leave(name)
        with self._turn():
            self._stop_waiting()

    def is_held(self, name: str) -> bool:
        """True if a neighbour is at the device."""
        with self._turn():
            return name not in self._held and not self._free(name)

    def notice(self, name: str, now: float) -> Notice | None:
        """What is noted of a device."""
        try:
            found = Notice(**json.loads(self._devices[name].read_bytes()))
        except (OSError, ValueError, TypeError):  # none yet; cut off
            return None
        began_anew = found.at > now  # the clock, with this machine
        return None if began_anew else found

    def note(self, name: str, notice: Notice | None) -> None:
        """Notes why a device that this job holds is passed over; None: it is not."""
        text = json.dumps(asdict(notice)).encode() if notice else b""
        with _writing(self._folder):
            if os.fstat(self._held[name]).st_size or text:
                os.ftruncate(self._held[name], 0)
                os.pwrite(self._held[name], text, 0)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One at a time, for moments. The folder is made each time: a cache may be cleared while jobs run."""
        with _writing(self._folder):
            (self._folder / "waiting").mkdir(parents=True, exist_ok=True)
            file = _opened(self._folder / "turn")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _take(self, name: str) -> bool:
        if name in self._held:
            return True
        with _writing(self._folder):
            file = _opened(self._devices[name])
        if not _locked(file):
            os.close(file)
            return False
        self._held[name] = file
        return True

    def _free(self, name: str) -> bool:
        with _writing(self._folder):
            file = _opened(self._devices[name])
        try:
            return _locked(file)
        finally:
            os.close(file)

    def _wait(self, names: list[str], now: float) -> None:
        with _writing(self._folder):
            if self._ticket is None:
                self._ticket = _opened(self._folder / "waiting" / self._name)
                _locked(self._ticket)
            wanted = {"now": now, "devices": [self._devices[name].name for name in names]}
            os.ftruncate(self._ticket, 0)
            os.pwrite(self._ticket, json.dumps(wanted).encode(), 0)

    def _stop_waiting(self) -> None:
        if self._ticket is not None:
            (self._folder / "waiting" / self._name).unlink(missing_ok=True)
            os.close(self._ticket)
            self._ticket = None

    def _older(self, now: float) -> Iterator[list[str]]:
        """Of each job that waits longer than this one, and goes on asking, the devices that it would take."""
        for path in sorted((self._folder / "waiting").iterdir()):
            if path.name >= self._name:
                return
            file = os.open(path, os.O_RDWR)
            try:
                if _locked(file):
                    path.unlink()  # it was killed
                    continue
                with suppress(ValueError):  # cut off, on a full disk
                    wanted = json.loads(path.read_bytes())
                    if now - wanted["now"] < ASLEEP_S:
                        yield wanted["devices"]
            finally:
                os.close(file)


def _file_name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:24]


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _locked(file: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise cannot_write(folder, error) from error
