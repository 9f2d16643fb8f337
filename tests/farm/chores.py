"""A farm whose time passes when someone waits, and a job that is done by where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgebnn.farm.attempt import Picked
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.farm import Farm
from edgebnn.farm.inventory import Device


@dataclass(frozen=True)
class Watched(Farm):
    """A farm whose time passes when someone waits, and who may be told of it."""

    waits: list[float] = field(default_factory=list)
    waited: Callable[[], None] = lambda: None

    def now(self) -> float:
        return sum(self.waits)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.waited()


@dataclass
class Chore:
    """A job that is done by where it is."""

    board: str = "virtual"
    devices: tuple[str, ...] = ()
    purpose: str = "a chore"
    folder: str = "edgebnn/jobs/chore"
    does: Callable[[Picked], Any] = lambda picked: picked.name

    def identity(self, device: Device) -> str:
        return "a chore"

    def prepare(self, picked: Picked) -> bool:
        return False

    def line(self, line: str) -> None: ...

    def meanwhile(self, host: Host) -> None: ...

    def finish(self, picked: Picked, done: Done | None) -> Any:
        return self.does(picked)


VIRTUAL = {"kind": "virtual"}
