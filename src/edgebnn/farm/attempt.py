"""One attempt at a job on one device: from reaching it to its result, and over again from wherever it stands.

A device whose connection drops is attempted again: what is there by then says how to go on. The job runs: it is
followed. It came to its end: its results are fetched. It was cut off: it starts again, from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from edgebnn.errors import EdgebnnError, InfrastructureError, JobError, PassingError
from edgebnn.farm.check import Health, check, trial
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.deploy import programs
from edgebnn.farm.detached import Log, Seen, ending, look
from edgebnn.farm.farm import Farm
from edgebnn.farm.inventory import Device
from edgebnn.farm.lease import Lease, lease, span
from edgebnn.record import Provenance, provenance

MOST_DEATHS = 3
"""Of a job that gets no further in between."""
STOPPED_S = 120
"""A job that was stopped is not begun anew for so long: not by who tries again by himself."""

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Picked:
    """A device that is at work for us."""

    name: str
    device: Device
    host: Host
    health: Health

    def provenance(self, started: str, versions: dict[str, str], replaces: str) -> Provenance:
        """Of what was computed there.

        Args:
            started: UTC, ISO 8601.
            versions: of what computed; ours comes with them.
            replaces: start of the record that is made anew because the device was changed.
        """
        here = provenance(started)
        return Provenance(
            git_commit=here.git_commit,
            host=self.name,
            virtual=self.device.virtual,
            machine=self.health.machine,
            versions={"edgebnn": here.versions["edgebnn"], **versions},
            started=started,
            replaces=replaces,
        )


class Job(Protocol[Result_co]):
    """What is to be done on a device."""

    @property
    def purpose(self) -> str:
        """What it is, as others shall read it who find the device taken."""
        ...

    @property
    def board(self) -> str:
        """The kind of device."""
        ...

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of those that may do it; empty: any of its board."""
        ...

    @property
    def folder(self) -> str:
        """The job's own, there."""
        ...

    def identity(self, device: Device) -> str:
        """What it is made of: a job that is found there goes on or counts if this is the same."""
        ...

    def prepare(self, picked: Picked) -> bool:
        """Makes the folder ready to start; False if there is nothing to start. Its errors are the device's."""
        ...

    def line(self, line: str) -> None:
        """Told each line of its log."""
        ...

    def meanwhile(self, host: Host) -> None:
        """Called some times a second while it runs."""
        ...

    def finish(self, picked: Picked, done: Done | None) -> Result_co:
        """Its result; None: there was nothing to start. Called under the lease."""
        ...


class Exhausted(PassingError):
    """The device ran out of something while the job was there: it may have it again, or another has it."""


@dataclass(frozen=True)
class Busy:
    """Another works there."""

    holder: str


@dataclass(frozen=True)
class Unfit:
    """The device, or the way to it, is not good enough."""

    error: EdgebnnError
    for_all: bool
    """It would fail any job; False: this one, as far as is known."""


@dataclass
class Attempts(Generic[Result]):
    """All attempts at one job."""

    farm: Farm
    job: Job[Result]
    say: Say
    at: str
    """The device on which the job was started last; empty: on none."""
    at_work: float
    """When it was seen at work there."""
    works: Callable[[str], None]
    """Told the name of a device that is good enough, before the job is at work there."""
    _log: Log = field(init=False)
    _begun: bool = False
    _fits: bool = False
    """In this attempt, the device was found to be good enough."""
    _followed: bool = False
    """This process has seen it at work."""
    _deaths: int = 0
    _checkpoint: str = ""

    def __post_init__(self) -> None:
        self._log = Log(self.job.line)

    def on(self, name: str) -> Result | Busy | Unfit:
        """Tries a device.

        Returns:
            The result; or why there is none: another has the device, or it failed, before the job was at
            work or in passing (a PassingError).

        Raises:
            EdgebnnError: the job failed, or its results are not what they should be.
        """
        job, device = self.job, self.farm.inventory.devices[name]
        self._begun = self._fits = False
        try:
            programs(self.farm.binaries, device)
            with self.farm.reach(name) as host:
                while True:
                    with lease(host, job.purpose, job.folder) as taken:
                        if taken.ours:
                            return self._leased(name, host, taken)
                    seen = look(host, job.folder)
                    if seen.state != "running" or seen.identity != job.identity(device):
                        return Busy(taken.holder)
                    self.say(f"{name}: the job runs there; following it")
                    self._follow(name, host)
        except EdgebnnError as error:
            if self._begun:
                self.at_work = self.farm.now()
            if isinstance(error, Exhausted):
                self._followed = False  # it starts again
            if self._begun and not isinstance(error, PassingError):
                raise
            return Unfit(error, for_all=not self._fits and _of_the_device(error))

    def _leased(self, name: str, host: Host, taken: Lease) -> Result:
        """Under the lease: nothing else runs there."""
        job, device = self.job, self.farm.inventory.devices[name]
        seen = look(host, job.folder)
        self._not_stopped(name, seen)
        ours = bool(seen.identity) and seen.identity == job.identity(device)
        picked = Picked(name, device, host, check(host, device))
        ended = ours and seen.state == "ended"
        if not ended or (seen.failed and not self._followed):
            self._fit(picked)
            if ours and seen.state in _ENDINGS:
                self._again(name, seen)
            if not job.prepare(picked):
                self._begun = True
                return job.finish(picked, None)
            self._log.begin()
            taken.start()
            self._follow(name, host)
            seen = look(host, job.folder)
            self._not_stopped(name, seen)
            if seen.state != "ended":
                raise PassingError(f"device {name}: the job {_ENDINGS.get(seen.state, 'is gone')}")
        self._begun = True
        if taken.lost:
            raise PassingError(f"device {name}: it has not heard of us, and gave up our lease")
        return job.finish(picked, ending(host, job.folder))

    def _fit(self, picked: Picked) -> None:
        """Raises InfrastructureError if the device is not."""
        if picked.health.errors:
            kind = InfrastructureError if picked.health.lasts else PassingError
            raise kind(f"device {picked.name}: {picked.health.errors}")
        _, measure = programs(self.farm.binaries, picked.device)
        started = trial(picked.host, picked.device, measure)
        if started.level == "error":
            raise InfrastructureError(f"device {picked.name}: {started.text}")
        self._fits = True
        self.works(picked.name)

    def _follow(self, name: str, host: Host) -> None:
        self._begun = self._followed = True
        self.at = name
        self.works(name)
        self._log.follow(host, self.job.folder, lambda: self.job.meanwhile(host))

    def _again(self, name: str, seen: Seen) -> None:
        """Counts that the job ended before its end; raises InfrastructureError if it always is, at the same place."""
        self._deaths = self._deaths + 1 if seen.checkpoint == self._checkpoint else 1
        self._checkpoint = seen.checkpoint
        if self._deaths == MOST_DEATHS:
            self._deaths = 0
            raise InfrastructureError(
                f"device {name}: the job {_ENDINGS[seen.state]}, {MOST_DEATHS} times at the same place"
            )
        self.say(f"{name}: the job {_ENDINGS[seen.state]}; it starts again")

    def _not_stopped(self, name: str, seen: Seen) -> None:
        """Raises JobError if someone ended the job on purpose: under our eyes, or just now."""
        ago = seen.stopped_ago_s
        under_our_eyes = self._followed and self.at == name
        if ago is not None and (under_our_eyes or 0 <= ago < STOPPED_S):
            self._begun = True
            raise JobError(
                f"device {name}: the job was stopped by {seen.stopped_by}, {span(max(0, ago))} ago"
            )


def _of_the_device(error: EdgebnnError) -> bool:
    return isinstance(error, InfrastructureError) and not isinstance(error, Exhausted)


_ENDINGS = {
    "ended": "failed there",
    "killed": "was killed there (out of memory? by hand? by logind's KillUserProcesses?)",
    "rebooted": "was cut off: the device was started anew",
}


def failure(told: str, device: Device) -> JobError | Exhausted:
    """The error of a job that failed: its own, or that its device had no more room or memory.

    Args:
        told: what it said.
    """
    for words, limited in (
        ("No space left", False),
        ("killed for memory", bool(device.memory_limit_mib)),
    ):
        if words in told and not limited:
            return Exhausted(told)
    return JobError(told)
