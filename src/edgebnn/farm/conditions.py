"""What a board was like while it worked: temperature, clock, throttling, memory over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebnn.energy.meter import Reading
from edgebnn.farm import throttling
from edgebnn.farm.samples import numbers, thinned
from edgebnn.farm.throttling import Throttling

FLAGS = "throttled_flags"
_MIB = 2**20


@dataclass(frozen=True)
class Conditions:
    """Of one job; what the device does not tell is absent."""

    metrics: dict[str, float]
    series: dict[str, list[tuple[float, float]]]
    """`system/...` -> (seconds since the job's start, value): MLflow's system metrics."""
    notes: dict[str, str]


def conditions(readings: Sequence[Reading], start_s: float, before: str, after: str) -> Conditions:
    """What the samples of a job say of its device.

    Args:
        readings: lines of samples.jsonl.
        start_s: when the job began, on their clock.
        before: what the firmware answered before the job (throttling.ask), and `after` it: used where the
            system's own file does not tell.
    """
    temperature = numbers(readings, "temperature_c", start_s)
    clock = numbers(readings, "clock_mhz", start_s)
    memory = numbers(readings, "rss_bytes", start_s)
    at_work = [value for seconds, value in clock if seconds >= 0]
    metrics: dict[str, float] = {}
    if temperature:
        metrics["temperature_max_c"] = max(value for _, value in temperature)
    if at_work:
        metrics["clock_min_mhz"] = min(at_work)
        metrics["clock_max_mhz"] = max(at_work)
    series = {
        "system/temperature_c": temperature,
        "system/clock_mhz": clock,
        "system/memory_mib": [(seconds, value / _MIB) for seconds, value in memory],
    }
    return Conditions(
        metrics,
        {name: thinned(points) for name, points in series.items() if points},
        {"throttling": _throttling(readings, before, after)},
    )


def _throttling(readings: Sequence[Reading], before: str, after: str) -> str:
    seen = [Throttling(int(value)) for _, value in numbers(readings, FLAGS, 0)]
    if not seen:
        told = [throttling.parse(answer) for answer in (before, after)]
        seen = [answer for answer in told if answer is not None]
        if len(seen) < 2:
            return throttling.unknown(before if told[0] is None else after)
    now = [text for answer in seen for text in answer.now]
    if now:
        share = sum(bool(answer.now) for answer in seen) / len(seen)
        return f"{', '.join(dict.fromkeys(now))}, in {share:.0%} of {len(seen)} samples"
    if fresh := [text for text in seen[-1].since_boot if text not in seen[0].since_boot]:
        return f"{', '.join(fresh)}, between two samples"
    return "none"
