"""A job's way over the farm: which device it tries, when it tries one again, when it gives up.

Any device of its board will do, in an order of its own, so that many jobs do not queue before the same one.
A device that fails is set aside, and comes back: after a second where the failure may pass, each time after
twice as long, at most a minute; after ten minutes where it will not pass by itself. The job goes on first of
all where it was started, for `patience_min`; then it is given up there, and goes to another.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TypeVar

from edgebnn.errors import ConfigError, EdgebnnError, InfrastructureError, PassingError
from edgebnn.farm.attempt import Attempts, Busy, Job, Say, Unfit
from edgebnn.farm.farm import Farm
from edgebnn.spelling import nearest

RETRY_S = 5.0
"""Between two questions whether a busy device is free."""
_FIRST_S, _MOST_S, _MENDED_S = 1.0, 60.0, 600.0

Result = TypeVar("Result")


@dataclass
class _Aside:
    """A device that failed."""

    error: EdgebnnError
    until: float
    pause: float


@dataclass
class Search:
    """Which devices are left for a job, at a time."""

    names: list[str]
    patience_s: float
    began: float
    """When one was last known that works."""
    _aside: dict[str, _Aside] = field(default_factory=dict)

    def due(self, now: float) -> list[str]:
        """Those to try now."""
        return [name for name in self.names if self._is_due(name, now)]

    def works(self, name: str, now: float) -> None:
        """A device that answered."""
        self._aside.pop(name, None)
        self.began = now

    def fails(self, name: str, error: EdgebnnError, now: float) -> None:
        """A device that did not."""
        known = self._aside.get(name)
        pause = min(2 * known.pause, _MOST_S) if known else _FIRST_S
        wait = pause if isinstance(error, PassingError) else _MENDED_S
        self._aside[name] = _Aside(error, now + wait, pause)

    def hopeless(self, now: float) -> bool:
        """True if all have failed, for good or for too long."""
        if len(self._aside) < len(self.names):
            return False
        passing = any(isinstance(aside.error, PassingError) for aside in self._aside.values())
        return not passing or now - self.began > self.patience_s

    def reasons(self) -> list[EdgebnnError]:
        """Why each was set aside."""
        return [aside.error for aside in self._aside.values()]

    def pause(self, now: float) -> float:
        """Seconds until there may be something new."""
        waits = [aside.until - now for aside in self._aside.values()]
        busy = len(self._aside) < len(self.names)
        return max(0.0, min([*waits, *([RETRY_S] if busy else [])]))

    def _is_due(self, name: str, now: float) -> bool:
        return name not in self._aside or self._aside[name].until <= now


def on_a_device(farm: Farm, job: Job[Result], say: Say, at: str = "") -> Result:
    """Does a job on a device of its board.

    Args:
        say: told what happens.
        at: the device on which an earlier process started it, if one did.

    Raises:
        ConfigError: no device has this board, or it is for the user to mend every one that has.
        InfrastructureError: none is left; the message has every device's reason.
        EdgebnnError: the job failed.
    """
    inventory, board = farm.inventory, job.board
    names = inventory.boards().get(board, [])
    if not names:
        raise ConfigError(
            f"{inventory.path}: no device with board '{board}'{nearest(board, inventory.boards())}; "
            f"boards are {', '.join(sorted(inventory.boards())) or 'none'}"
        )
    if job.devices:
        names = [name for name in names if name in job.devices]
    if not names:
        raise ConfigError(
            f"{inventory.path}: none of the devices {', '.join(job.devices)} has board '{board}'"
        )
    random.Random(job.folder).shuffle(names)
    search = Search(names, 60.0 * inventory.patience_min, farm.now())
    attempts = Attempts(farm, job, say, at if at in names else "", farm.now())
    waiting = False
    while True:
        holders: dict[str, str] = {}
        if attempts.at and farm.now() - attempts.at_work > search.patience_s:
            say(
                f"{attempts.at}: given up after {inventory.patience_min:g} min; the job goes on elsewhere"
            )
            attempts.at = ""
        due = search.due(farm.now())
        for name in [name for name in due if name == attempts.at] if attempts.at else due:
            found = attempts.on(name)
            if isinstance(found, Unfit):
                say(f"set aside: {found.error}")
                if not isinstance(found.error, PassingError):
                    attempts.at = ""  # the job cannot be there, or not be had back
                search.fails(name, found.error, farm.now())
            elif isinstance(found, Busy):
                search.works(name, farm.now())
                holders[name] = found.holder
            else:
                return found
        if search.hopeless(farm.now()):
            raise _none_left(board, search.reasons())
        if holders and not waiting:
            say(f"busy: {', '.join(f'{name} ({who})' for name, who in holders.items())}; waiting")
            waiting = True
        farm.wait(search.pause(farm.now()))


def _none_left(board: str, reasons: list[EdgebnnError]) -> EdgebnnError:
    ours = all(isinstance(error, ConfigError) for error in reasons)
    return (ConfigError if ours else InfrastructureError)(
        f"no device with board '{board}' is fit:" + "".join(f"\n  {error}" for error in reasons)
    )
