"""A trace: power over time as pieces of straight line, and the exact energy under them.

What lies between two readings is drawn as a straight line (of powers) or as a constant (of an energy
counter). Where readings are missing the trace has a gap: energy there is unknown, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgebnn.record import Source

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trace:
    """Pieces in the order of time, which may leave gaps. All arrays have the shape (pieces,).

    Raises:
        ValueError: shapes differ, a number is not finite, or pieces are empty or overlap.
    """

    begin_s: Array
    """Where each piece begins, on one monotonic clock."""
    end_s: Array
    begin_w: Array
    """Power at the piece's begin, in watts."""
    end_w: Array
    source: Source = "measured"

    def __post_init__(self) -> None:
        arrays = (self.begin_s, self.end_s, self.begin_w, self.end_w)
        if any(array.ndim != 1 or array.shape != self.begin_s.shape for array in arrays):
            raise ValueError(f"a trace of shapes {[array.shape for array in arrays]}: need one")
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("a trace of numbers that are not finite")
        if (self.end_s <= self.begin_s).any() or (self.end_s[:-1] > self.begin_s[1:]).any():
            raise ValueError("the trace's times do not grow")

    @classmethod
    def of_powers(
        cls,
        time_s: ArrayLike,
        watts: ArrayLike,
        longest_gap_s: float,
        source: Source = "measured",
    ) -> Trace:
        """Straight lines from reading to reading: the trapezoid rule.

        Args:
            time_s: shape (readings,), growing.
            watts: shape (readings,).
            longest_gap_s: two neighbours farther apart than this have a gap between them.
        """
        time, power = _readings(time_s, watts)
        near = np.diff(time) <= longest_gap_s
        return cls(
            time[:-1][near], time[1:][near], power[:-1][near], power[1:][near], source=source
        )

    @classmethod
    def of_energy(
        cls,
        time_s: ArrayLike,
        joules: ArrayLike,
        longest_gap_s: float,
        source: Source = "measured",
        *,
        most_w: float = float("inf"),
    ) -> Trace:
        """Constant power from reading to reading of a counter.

        Args:
            time_s: shape (readings,), growing.
            joules: shape (readings,), what was used since any moment: it never goes down.
            longest_gap_s: two neighbours farther apart than this have a gap between them.
            most_w: so have two between which it was more power than this.

        Raises:
            ValueError: the counter goes down; also as of the class.
        """
        time, energy = _readings(time_s, joules)
        span, used = np.diff(time), np.diff(energy)
        if (used < 0).any():
            raise ValueError("an energy counter goes down")
        near = (span <= longest_gap_s) & (used <= most_w * span)
        power = used[near] / span[near]
        return cls(time[:-1][near], time[1:][near], power, power, source=source)

    @property
    def covered(self) -> Array:
        """Begin and end of each stretch without a gap, shape (stretches, 2)."""
        first = self._opens()
        last = np.roll(first, -1)  # before the first of a stretch comes the last of another
        return np.stack([self.begin_s[first], self.end_s[last]], axis=1)

    @property
    def period_s(self) -> float:
        """Mean seconds between two readings, gaps aside; NaN without any piece."""
        spans = self.end_s - self.begin_s
        return float(spans.mean()) if spans.size else float("nan")

    def joules(self, begin_s: ArrayLike, end_s: ArrayLike) -> Array:
        """The exact integral of the pieces from each begin to each end.

        Args:
            begin_s: shape (spans,), in any order.
            end_s: shape (spans,), none before its begin.

        Returns:
            Shape (spans,); NaN for a span that is not wholly covered.

        Raises:
            ValueError: an end is before its begin.
        """
        begin, end = (
            np.atleast_1d(np.asarray(begin_s, float)),
            np.atleast_1d(np.asarray(end_s, float)),
        )
        if begin.shape != end.shape or (end < begin).any():
            raise ValueError("spans of time: need as many ends as begins, none before its begin")
        if not self.begin_s.size:
            return np.full(begin.shape, np.nan)
        first, last = self._piece(begin), self._piece(end)
        stretch = np.cumsum(self._opens())
        inside = (first >= 0) & (begin <= self.end_s[first]) & (end <= self.end_s[last])
        whole = inside & (stretch[first] == stretch[last])
        return np.where(whole, self._until(end, last) - self._until(begin, first), np.nan)

    def idle_w(self, begin_s: float, end_s: float) -> float | None:
        """Power at rest: the median over the pieces that lie in a window; None of fewer than three.

        The median, as what stirs in a window of rest (a clock's tick, a log) is short.
        """
        inside = (self.begin_s >= begin_s) & (self.end_s <= end_s)
        if np.count_nonzero(inside) < 3:
            return None
        return float(np.median((self.begin_w[inside] + self.end_w[inside]) / 2))

    def shifted(self, offset_s: float) -> Trace:
        """The same on a clock that shows `offset_s` more."""
        return replace(self, begin_s=self.begin_s + offset_s, end_s=self.end_s + offset_s)

    def halved(self) -> Trace:
        """The same of every second reading: what half the sampling rate would have shown."""
        opens, number = self._opens(), np.arange(len(self.begin_s))
        place = number - np.maximum.accumulate(np.where(opens, number, 0))  # in its stretch
        first = number[:-1][~opens[1:] & (place[:-1] % 2 == 0)]
        second = first + 1
        begin, end = self.begin_s[first], self.end_s[second]
        line = self.end_w[first] == self.begin_w[second]  # else two constants, with a step between
        mean = self._piece_j(first) + self._piece_j(second)
        mean /= end - begin
        begin_w = np.where(line, self.begin_w[first], mean)
        end_w = np.where(line, self.end_w[second], mean)
        return Trace(begin, end, begin_w, end_w, source=self.source)

    def _opens(self) -> NDArray[np.bool_]:
        """Whether each piece is the first after a gap."""
        opens = np.ones(len(self.begin_s), bool)
        opens[1:] = self.begin_s[1:] != self.end_s[:-1]
        return opens

    def _piece(self, time_s: Array) -> NDArray[np.intp]:
        """The last piece that begins at or before a moment; -1 before the first."""
        return np.searchsorted(self.begin_s, time_s, side="right") - 1

    def _piece_j(self, piece: NDArray[np.intp]) -> Array:
        span = self.end_s[piece] - self.begin_s[piece]
        return span * (self.begin_w[piece] + self.end_w[piece]) / 2

    def _until(self, time_s: Array, piece: NDArray[np.intp]) -> Array:
        """Joules of the trace before each moment, which lies in the given piece."""
        every = self._piece_j(np.arange(len(self.begin_s)))
        before = np.concatenate([[0.0], np.cumsum(every)])[piece]
        passed = time_s - self.begin_s[piece]
        steepness = (self.end_w - self.begin_w) / (self.end_s - self.begin_s)
        return before + passed * (self.begin_w[piece] + passed * steepness[piece] / 2)


def _readings(time_s: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
    time, value = np.asarray(time_s, float), np.asarray(values, float)
    if time.ndim != 1 or time.shape != value.shape:
        raise ValueError(f"{time.shape} times and {value.shape} readings: need as many")
    if not (np.isfinite(time).all() and np.isfinite(value).all()):
        raise ValueError("readings that are not finite")
    if (np.diff(time) <= 0).any():
        raise ValueError("the readings' times do not grow")
    return time, value
