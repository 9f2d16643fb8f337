"""What every meter is: start, stop, samples; and what samples say of energy.

Energy is the trapezoid over the samples, in joules: E = Σ (t[i+1] - t[i]) · (p[i] + p[i+1]) / 2.
Gross is all of it, net what exceeds the idle power: E_net = E - p_idle · (t[n-1] - t[0]).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from edgebnn.record import Source


@dataclass(frozen=True)
class Samples:
    """Power over a stretch of work.

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


class MeterConfig(BaseModel):
    """The keys of `meter:` that choose one kind of meter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def open(self) -> Meter:
        """The meter, not started."""
