"""A job's way over the farm: which device it tries, when it tries one again, when it gives up.

Any free device of its board will do, in an order of its own, so that jobs of many machines do not queue before
the same one. A device that fails is set aside, and comes back: after a second where the failure may pass, each
time after twice as long, at most a minute; after ten minutes where it will not pass by itself. The job goes on
first of all where it was started, for `patience_min`; then it is given up there, and goes to another.
"""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeVar

from edgebnn.errors import ConfigError, EdgebnnError, InfrastructureError, PassingError
from edgebnn.farm.attempt import Attempts, Busy, Job, Say, Unfit
from edgebnn.farm.farm import Farm
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.neighbours import Neighbours, Notice
from edgebnn.spelling import nearest

LOOK_S = 5.0
"""Between two looks whether a neighbour has left a device."""
_FIRST_S, _MOST_S, _MENDED_S = 1.0, 60.0, 600.0
_BUSY_S = 30.0
"""At most between two questions whether a device is free that another machine has; the first comes after LOOK_S."""

_NAMED = 5
"""Devices of a message."""

Result = TypeVar("Result")


@dataclass
class _Aside:
    """A device that is good enough, but not for this job."""

    error: EdgebnnError
    until: float
    pause: float


class Search:
    """What a job knows of the devices that may do it."""

    def __init__(
        self, names: list[str], neighbours: Neighbours, patience_s: float, came: float
    ) -> None:
        """
        Args:
            came: when the job came.
        """
        self.patience_s = patience_s
        self._names, self._neighbours, self._came = names, neighbours, came
        self._aside: dict[str, _Aside] = {}
        self._hope = came
        """When there was one last of which nothing bad was known."""
        self._next = came
        """When there may be another to take, by what was seen at the last look."""

    def take(self, at: str, now: float) -> str:
        """Holds one to try; empty: there is none now.

        Args:
            at: where the job was started; empty: nowhere.
        """
        self._next = min((a.until for a in self._aside.values() if a.until > now), default=inf)
        due = [name for name in self._names if not self._is_aside(name, now)]
        if not at:
            name, until = self._neighbours.take_one(due, now)
            self._next = min(self._next, until)
            return name
        known = self._neighbours.notice(at, now)
        if known and known.kind != "busy" and known.until > now:
            self._next = min(self._next, known.until)
            return ""
        return at if at in due and self._neighbours.take(at) else ""

    def works(self, name: str) -> None:
        """The one that is held is good."""
        self._aside.pop(name, None)
        self._neighbours.note(name, None)

    def is_busy(self, name: str, holder: str, now: float) -> None:
        """The one that is held is no neighbour's, but another's."""
        self._aside.pop(name, None)
        known = self._neighbours.notice(name, now)
        pause = min(2 * known.pause, _BUSY_S) if known and known.kind == "busy" else LOOK_S
        self._neighbours.note(name, Notice("busy", holder, now, now + pause, pause))

    def fails(self, name: str, found: Unfit, now: float) -> None:
        """The one that is held has failed."""
        error, known, aside = found.error, self._neighbours.notice(name, now), self._aside.get(name)
        pauses = [known.pause] if known and known.kind != "busy" else []
        pause = min(2 * max([*pauses, aside.pause if aside else 0, _FIRST_S / 2]), _MOST_S)
        passing = isinstance(error, PassingError)
        until = now + (pause if passing else _MENDED_S)
        if found.for_all:
            kind: Literal["passing", "lasting"] = "passing" if passing else "lasting"
            self._neighbours.note(name, Notice(kind, str(error), now, until, pause))
        else:
            self._aside[name] = _Aside(error, until, pause)

    def hopeless(self, at_work: float, now: float) -> list[EdgebnnError]:
        """If all have failed, for good or for too long, the reasons; else nothing.

        Args:
            at_work: when the job was last seen at work, anywhere.
        """
        self._hope = max(self._hope, at_work)
        reasons = []
        for name in self._names:
            if (error := self._reason(name, now)) is None:
                self._hope = now
                return []
            reasons.append(error)
        passing = any(isinstance(error, PassingError) for error in reasons)
        return [] if passing and now - self._hope <= self.patience_s else reasons

    def busy(self, now: float) -> list[str]:
        """Those that others have, and who that is."""
        said = []
        for name in self._names:
            known = self._neighbours.notice(name, now)
            if self._neighbours.is_held(name):
                said.append(f"{name} (a job of this machine)")
            elif known and known.kind == "busy":
                said.append(f"{name} ({known.text})")
        return said

    def pause(self, now: float) -> float:
        """Seconds until there may be something new to take."""
        return max(0.0, min(LOOK_S, self._next - now))

    def _is_aside(self, name: str, now: float) -> bool:
        return name in self._aside and self._aside[name].until > now

    def _reason(self, name: str, now: float) -> EdgebnnError | None:
        """Why a device is out of question; a failure from before this job came is none."""
        if name in self._aside:
            return self._aside[name].error
        known = self._neighbours.notice(name, now)
        if known is None or known.kind == "busy" or known.at < self._came:
            return None
        return (PassingError if known.kind == "passing" else InfrastructureError)(known.text)


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
    names, came = _candidates(farm.inventory, job), farm.now()
    patience_s = 60.0 * farm.inventory.patience_min
    waiting = False
    with closing(farm.neighbours(names, came)) as neighbours:
        search = Search(names, neighbours, patience_s, came)
        attempts = Attempts(farm, job, say, at if at in names else "", came, search.works)
        while True:
            if attempts.at and farm.now() - attempts.at_work > patience_s:
                say(
                    f"{attempts.at}: given up after {farm.inventory.patience_min:g} min; "
                    "the job goes on elsewhere"
                )
                neighbours.leave(attempts.at)
                attempts.at = ""
            if name := search.take(attempts.at, farm.now()):
                found = attempts.on(name)
                if isinstance(found, Unfit):
                    say(f"set aside: {found.error}")
                    search.fails(name, found, farm.now())
                    if not isinstance(found.error, PassingError):
                        attempts.at = ""  # the job cannot be there, or not be had back
                elif isinstance(found, Busy):
                    search.is_busy(name, found.holder, farm.now())
                else:
                    search.works(name)
                    return found
                if attempts.at != name:
                    neighbours.leave(name)
                continue
            if reasons := search.hopeless(attempts.at_work, farm.now()):
                raise _none_left(job.board, reasons)
            if not waiting and (busy := search.busy(farm.now())):
                more = f" and {len(busy) - _NAMED} more" if len(busy) > _NAMED else ""
                say(f"busy: {', '.join(busy[:_NAMED])}{more}; waiting")
                waiting = True
            farm.wait(search.pause(farm.now()))


def _candidates(inventory: Inventory, job: Job[Result]) -> list[str]:
    """Names of the devices that may do a job, in an order of its own; raises ConfigError if there are none."""
    names = inventory.boards().get(job.board, [])
    if not names:
        raise ConfigError(
            f"{inventory.path}: no device with board '{job.board}'"
            f"{nearest(job.board, inventory.boards())}; "
            f"boards are {', '.join(sorted(inventory.boards())) or 'none'}"
        )
    if job.devices:
        names = [name for name in names if name in job.devices]
    if not names:
        raise ConfigError(
            f"{inventory.path}: none of the devices {', '.join(job.devices)} has board '{job.board}'"
        )
    random.Random(job.folder).shuffle(names)
    return names


def _none_left(board: str, reasons: list[EdgebnnError]) -> EdgebnnError:
    ours = all(isinstance(error, ConfigError) for error in reasons)
    return (ConfigError if ours else InfrastructureError)(
        f"no device with board '{board}' is fit:" + "".join(f"\n  {error}" for error in reasons)
    )
