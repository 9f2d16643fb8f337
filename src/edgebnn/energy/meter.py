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
from itertools import pairwise
from types import TracebackType
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from edgebnn.energy.trace import Trace
from edgebnn.errors import ConfigError
from edgebnn.record import Source

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

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    def open(self) -> Meter:
        """The meter, not started; raises ConfigError for a kind that a job does not read."""
        raise ConfigError(f"meter: kind '{self.kind}' is not read by jobs; 'declared' is")


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

    @abstractmethod
    def trace(self, begin_s: float, end_s: float) -> Trace:
        """Power over a span of time, on its clock; an estimate."""


@dataclass(frozen=True)
class Samples:
    """Power over a stretch of work.

    Energy is the trapezoid over the samples, in joules: E = Σ (t[i+1] - t[i]) · (p[i] + p[i+1]) / 2.
    Gross is all of it, net what exceeds the idle power: E_net = E - p_idle · (t[n-1] - t[0]).

    Raises:
        ValueError: fewer than two samples, or times that do not grow: a reading that failed is an
            error, never 0.
    """

    seconds: tuple[float, ...]
    """Monotonic time of each sample, from the start of the work."""
    watts: tuple[float, ...]
    idle_w: float
    """Power of the device with nothing to do."""
    source: Source

    def __post_init__(self) -> None:
        if len(self.seconds) < 2 or len(self.seconds) != len(self.watts):
            raise ValueError(
                f"{len(self.seconds)} times and {len(self.watts)} powers: need two each"
            )
        if any(later <= earlier for earlier, later in pairwise(self.seconds)):
            raise ValueError("the samples' times do not grow")

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample to the last."""
        return self.seconds[-1] - self.seconds[0]

    @property
    def gross_j(self) -> float:
        """Joules in all, idle included."""
        points = pairwise(zip(self.seconds, self.watts, strict=True))
        return sum((t1 - t0) * (p0 + p1) / 2 for (t0, p0), (t1, p1) in points)

    @property
    def net_j(self) -> float:
        """Joules above idle."""
        return self.gross_j - self.idle_w * self.duration_s

    @property
    def average_w(self) -> float:
        """Mean power, idle included, in watts."""
        return self.gross_j / self.duration_s


class Meter(Protocol):
    """A way to know the power that a device draws while it works."""

    def start(self) -> None:
        """Begins to sample, just before the job."""

    def stop(self, training_s: float) -> Samples:
        """Ends sampling.

        Args:
            training_s: seconds of training as the trainer itself counted them; above 0.

        Raises:
            InfrastructureError: the readings failed.
        """
