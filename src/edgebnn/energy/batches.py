"""Joules a batch: the energy inside the batches of a training, and how sure it is.

Only time inside batches counts: pauses between them (the end of an epoch, its validation) are left
out. A batch that a gap of the trace touches is left out whole.

The mean is that of all counted batches. Its 95 % interval has four parts, added:

- the spread. A figure is the mean of `grouped` neighbouring batches, as many as last ten sampling
  periods at least: what is shorter is not seen one by one. Neighbouring figures resemble each other
  (a clock that slows down, a warm board), so they are pooled into 30 runs at most; of these means it is
  t·s/√n with Student's t (the method of batch means: Law, Simulation Modeling and Analysis, 9.5.3);
- the sampling. By how much the mean moves if every second reading is dropped: of what is smooth
  between readings, three times the error of the trapezoid rule (Richardson);
- the edges. Where training begins and ends, and at pauses of a sampling period or more, power jumps
  somewhere between two readings: at most half the jump times their distance, added as squares;
- the step. Readings that keep step with the batches miss the same in each of them, which the spread
  does not show: a batch's jumps, each half of its height times its piece, added as twice their squares (a
  rise and a fall may miss the same), times how far they keep step: √Σ(r_k/k)², at most 1, where r_k is
  |mean exp(2πik·phase)| over the batches' begins and the phase is the place between two readings. It is 1
  for the same place in all, 0 for any place.

A steady error of the meter (its gain, its place in the circuit) is in none of them, nor is what pauses
shorter than a sampling period take, nor the uncertainty of the idle power. A smooth cycle as long as a
batch is seen to 0.1 % from 57 readings a batch on: the trapezoid rule's error is (2π/n)²/12 of what swings. A
jump is seen to half a sampling period: to 0.1 %, a thousand batches need some 100 readings each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edgebnn.energy.trace import Array, Trace
from edgebnn.errors import InfrastructureError
from edgebnn.record import Source

PERIODS = 10
"""Sampling periods that a figure covers at least."""
_RUNS = 30
_HARMONICS = 32
ROUNDING_S = 1e-6
"""By how much neighbouring batches may overlap: their times are written as decimals."""

# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
    2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
    2.045,
)  # fmt: skip

Interval = tuple[float, float]


@dataclass(frozen=True)
class BatchEnergy:
    """Energy of a training's batches; joules are of one batch, as the mean."""

    gross_j: float
    """Idle power included."""
    net_j: float | None
    """Above idle; None if the idle power is not known."""
    gross_interval_j: Interval | None
    """95 %: low, high. None of an estimate, and of too few batches for two figures."""
    net_interval_j: Interval | None
    average_w: float
    """Mean power inside the batches, idle included, in watts."""
    batches: int
    """Batches counted."""
    left_out: int
    """Batches that the trace does not cover wholly."""
    grouped: int
    """Neighbouring batches behind each figure of the interval."""
    source: Source


def batch_energy(
    trace: Trace, begin_s: ArrayLike, end_s: ArrayLike, idle_w: float | None
) -> BatchEnergy:
    """Energy of the batches of one training.

    Args:
        trace: power, on the batches' clock.
        begin_s: shape (batches,): when each began, in order.
        end_s: shape (batches,): when each ended, at the next one's begin at the latest.
        idle_w: watts at rest, or None if not known.

    Raises:
        ValueError: there is no batch, or their times are in no order.
        InfrastructureError: the trace covers no batch.
    """
    begin, end = np.asarray(begin_s, float), np.asarray(end_s, float)
    if begin.ndim != 1 or begin.shape != end.shape or not begin.size:
        raise ValueError(f"{begin.shape} begins and {end.shape} ends of batches: need as many")
    if not ((end > begin).all() and (begin[1:] >= end[:-1] - ROUNDING_S).all()):
        raise ValueError("the batches' times are in no order")
    joules = trace.joules(begin, end)
    counted = np.isfinite(joules)
    if not counted.any():
        raise InfrastructureError(
            f"the meter's readings cover none of the {begin.size} batches: these last from "
            f"{begin[0]:.3f} s to {end[-1]:.3f} s, readings are there for {_spans(trace)}"
        )
    left_out = begin.size - int(np.count_nonzero(counted))
    begin, end, joules = begin[counted], end[counted], joules[counted]
    seconds = end - begin
    gross, duration = float(joules.mean()), float(seconds.mean())
    estimated = trace.source != "measured"
    grouped = 1 if estimated else _grouped(seconds, trace.period_s)
    around = 0.0 if estimated else _sampling_j(trace, begin, end, joules)
    gross_half = None if estimated else _spread_j(joules, grouped)
    net = net_half = None
    if idle_w is not None:
        net = gross - idle_w * duration
        net_half = None if estimated else _spread_j(joules - idle_w * seconds, grouped)
    return BatchEnergy(
        gross_j=gross,
        net_j=net,
        gross_interval_j=_interval(gross, gross_half, around),
        net_interval_j=_interval(net, net_half, around),
        average_w=gross / duration,
        batches=begin.size,
        left_out=left_out,
        grouped=grouped,
        source=trace.source,
    )


def _spans(trace: Trace) -> str:
    spans = [f"{begin:.3f} s to {end:.3f} s" for begin, end in trace.covered]
    more = f" and {len(spans) - 3} spans more" if len(spans) > 3 else ""
    return f"{', '.join(spans[:3])}{more}" if spans else "no time at all"


def _grouped(seconds: Array, period_s: float) -> int:
    """Batches that together last `PERIODS` sampling periods, at least one, at most all."""
    wanted = int(np.ceil(PERIODS * period_s / seconds.mean() * (1 - 1e-9)))
    return min(max(wanted, 1), seconds.size)


def _spread_j(joules: Array, grouped: int) -> float | None:
    """Half of the interval from the spread of the figures; None of fewer than two."""
    runs = min(joules.size // grouped, _RUNS)
    if runs < 2:
        return None
    edges = np.arange(runs) * joules.size // runs
    counts = np.diff(np.append(edges, joules.size))
    means = np.add.reduceat(joules, edges) / counts
    return float(_T[runs - 2] * means.std(ddof=1) / np.sqrt(runs))


def _sampling_j(trace: Trace, begin: Array, end: Array, joules: Array) -> float:
    """What the readings' distance leaves open, joules a batch: sampling, edges and step."""
    coarse = trace.halved().joules(begin, end)
    both = np.isfinite(coarse)
    moved = abs(float((coarse[both] - joules[both]).mean())) if both.any() else 0.0
    pause = begin[1:] - end[:-1] >= trace.period_s
    edges = np.concatenate([begin[:1], begin[1:][pause], end[:-1][pause], end[-1:]])
    jumps = float(np.sqrt((_jump_j(trace, edges) ** 2).sum())) / joules.size
    return moved + jumps + _step_j(trace, begin, end[-1])


def _step_j(trace: Trace, begin: Array, end_s: float) -> float:
    """What readings in step with the batches miss in each, joules."""
    span = trace.end_s - trace.begin_s
    piece = np.searchsorted(trace.begin_s, begin, side="right") - 1
    phase = (begin - trace.begin_s[piece]) / span[piece]
    counts, _ = np.histogram(phase, bins=2 * _HARMONICS, range=(0, 1))
    harmonics = abs(np.fft.rfft(counts)[1:]) / begin.size
    in_step = min(np.sqrt(((harmonics / np.arange(1, _HARMONICS + 1)) ** 2).sum()), 1)
    inside = (trace.begin_s < end_s) & (trace.end_s > begin[0])
    missed = ((trace.end_w - trace.begin_w) * span / 2)[inside]
    return float(in_step * np.sqrt(2 * (missed**2).sum() / begin.size))


def _jump_j(trace: Trace, time_s: Array) -> Array:
    """At each moment inside a piece: half the change of power around it, times the piece's length."""
    piece = np.clip(np.searchsorted(trace.begin_s, time_s, side="right") - 1, 0, None)
    near = [np.clip(piece + step, 0, trace.begin_s.size - 1) for step in (-1, 1)]
    powers = np.stack(
        [trace.begin_w[piece], trace.end_w[piece], trace.end_w[near[0]], trace.begin_w[near[1]]]
    )
    span = trace.end_s[piece] - trace.begin_s[piece]
    return np.asarray((powers.max(axis=0) - powers.min(axis=0)) * span / 2, float)


def _interval(mean: float | None, half: float | None, around: float) -> Interval | None:
    if mean is None or half is None:
        return None
    return (mean - half - around, mean + half + around)
