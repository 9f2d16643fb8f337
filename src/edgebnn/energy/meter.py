"""What every meter is: the keys that say which one, and how it gives a trace of power.

A meter is one of three, and its `Config` (its file's) is a subclass of one of these:

- `OnBoard`: files or commands of the board, read there by `edgebnn-measure` around the trainer. What
  they print is given to `trace` as it came: all meaning is here;
- `Beside`: a plug that the controller asks over the network, by the controller's clock;
- `Assumed`: nothing is read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from edgebnn.energy.trace import Trace

Ask = Callable[[str], str]
"""Runs a shell script on the board, and returns its standard output."""

Reading = Mapping[str, object]
"""A line of `samples.jsonl`: `time_s`, and by its name the text of each source that could be read."""

BoardFolder = Annotated[str, Field(pattern=r"^/[\x21-\x7e]*$", max_length=256)]
"""The absolute path of a folder on the board."""
Watts = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]


@dataclass(frozen=True)
class Sources:
    """What `edgebnn-measure` reads on the board."""

    interval_s: float
    files: Mapping[str, str] = field(default_factory=dict)
    """Name in the samples -> path on the board."""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name in the samples -> program and arguments, whose standard output is the text."""


class MeterConfig(BaseModel):
    """The keys of `meter:` that choose one kind of meter."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kind: str


class Measured(MeterConfig):
    """What all meters have in common that read anything."""

    interval_s: Seconds = Field(default=0.1, ge=0.01, le=60)
    """Seconds from one reading to the next."""
    idle_s: Seconds = Field(default=5.0, ge=0, le=3600)
    """Seconds of rest before the job, over which the idle power is taken; 0: no idle power."""
    most_w: Watts = Field(default=100.0, gt=0)
    """A reading above this is none: it is probably of another unit."""

    @property
    def longest_gap_s(self) -> float:
        """Readings farther apart have a gap between them: a busy board reads late, but not this late."""
        return max(5 * self.interval_s, 0.5)


class OnBoard(Measured):
    """A meter whose files or commands are the board's."""

    @abstractmethod
    def sources(self, ask: Ask) -> Sources:
        """What is to be read on this board; each is read once to see that it works.

        Raises:
            ConfigError: the sensor is not there or gives no power; says what was found.
        """

    @abstractmethod
    def trace(self, readings: Iterable[Reading]) -> Trace:
        """Power from what was read, in the order of time; lines without this meter's names are passed.

        Raises:
            InfrastructureError: no reading makes sense, or more than half of them do not.
        """

    def parts(self, readings: Iterable[Reading]) -> dict[str, float]:
        """Mean watts of each part that power is the sum of, by name; empty if it is read as one."""
        return {}


class Running(Protocol):
    """A meter beside the board, which reads. Used in a with-block, it ends reading there at the latest."""

    def stop(self) -> Trace:
        """Ends reading; power by this machine's monotonic clock (`time.monotonic`).

        Raises:
            InfrastructureError: no reading came, or more than half failed.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None: ...


class Beside(Measured):
    """A meter that this machine asks while the board works."""

    @abstractmethod
    def start(self) -> Running:
        """Reads once to see that it works, then again and again in the background.

        Raises:
            ConfigError: what answers is no such meter, or wants a login.
            InfrastructureError: nothing answers.
        """


class Assumed(MeterConfig):
    """Power that the user gives."""

    idle_w: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
    """Watts with nothing to do."""

    @abstractmethod
    def trace(self, begin_s: float, end_s: float) -> Trace:
        """Power over a span of time, on its clock; an estimate."""
