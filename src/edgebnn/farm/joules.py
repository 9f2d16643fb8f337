"""From a trace of power and the stamps of a training to what its record says of energy."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgebnn.energy.batches import ROUNDING_S, BatchEnergy, batch_energy
from edgebnn.energy.meter import Assumed, Measured, MeterConfig
from edgebnn.energy.trace import Array, Trace
from edgebnn.errors import InfrastructureError
from edgebnn.farm.samples import thinned
from edgebnn.record import Source

Row = dict[str, str | float]

SHOWN_BATCHES, SHOWN_READINGS = 40, 600
"""Of the record's picture of power, at most."""
_AROUND = 0.1
"""Of the picture's time, before its first batch and behind its last."""


@dataclass(frozen=True)
class Joules:
    """What there is to say; all empty without a meter."""

    metrics: dict[str, float] = field(default_factory=dict)
    source: Source = "measured"
    notes: dict[str, str] = field(default_factory=dict)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


def read_stamps(path: Path) -> tuple[Array, Array]:
    """When each batch began and ended, seconds of the board's clock; each of shape (batches,).

    A job that resumed behind its last batch stamped none.

    Raises:
        InfrastructureError: the file is none of stamps.
    """
    if not path.stat().st_size:
        return np.empty(0), np.empty(0)
    try:
        times = np.loadtxt(path, dtype=float, ndmin=2)
    except ValueError as error:
        raise InfrastructureError(f"{path.name} of the device: {error}") from None
    if times.shape[1] != 2:
        raise InfrastructureError(
            f"{path.name} of the device: found {times.shape[1]} times a line, wanted are two"
        )
    begin, end = times[:, 0], times[:, 1]
    if (end <= begin).any() or (begin[1:] < end[:-1] - ROUNDING_S).any():
        raise InfrastructureError(f"{path.name} of the device: its times are in no order")
    return begin, end


def joules(
    meter: MeterConfig, trace: Trace, begin_s: Array, end_s: Array, start_s: float
) -> Joules:
    """Energy of a job's batches.

    Args:
        meter: the device's.
        trace: its power, on the board's clock.
        begin_s: when each batch began, shape (batches,), and `end_s` when it ended.
        start_s: when the job started, behind its idle window.

    Raises:
        InfrastructureError: the readings cover no batch.
    """
    idle_w = None
    if isinstance(meter, Assumed):
        idle_w = meter.idle_w
    elif isinstance(meter, Measured) and meter.idle_s:
        idle_w = trace.idle_w(start_s - meter.idle_s, start_s)
    found = batch_energy(trace, begin_s, end_s, idle_w)
    metrics = {
        "energy_per_batch_j": found.gross_j,
        "energy_gross_j": found.gross_j * found.batches,
        "energy_batches": float(found.batches),
        "average_power_w": found.average_w,
    }
    if idle_w is not None and found.net_j is not None:
        metrics["idle_power_w"] = idle_w
        metrics["energy_net_per_batch_j"] = found.net_j
        metrics["energy_net_j"] = found.net_j * found.batches
    if found.gross_interval_j:
        low, high = found.gross_interval_j
        metrics |= {"energy_per_batch_low_j": low, "energy_per_batch_high_j": high}
    if found.net_interval_j:
        low, high = found.net_interval_j
        metrics |= {"energy_net_per_batch_low_j": low, "energy_net_per_batch_high_j": high}
    return Joules(
        metrics=metrics,
        source=found.source,
        notes={"energy": _told(found, meter, idle_w)},
        series={"system/power_w": thinned(_points(trace, start_s))},
        tables=_picture(trace, begin_s, end_s),
        files={"power": ("power.csv", _csv(trace))},
    )


def absent(why: str) -> Joules:
    """Energy that a meter failed to give: it is absent, and the record says why."""
    return Joules(notes={"energy": f"absent: {why}"})


def _told(found: BatchEnergy, meter: MeterConfig, idle_w: float | None) -> str:
    if isinstance(meter, Assumed):
        return f"estimated: the watts of meter {meter.kind} times measured seconds"
    words = [f"meter {meter.kind}"]
    words.append(
        "each batch by itself"
        if found.grouped == 1
        else f"over {found.grouped} neighbouring batches"
    )
    if found.gross_interval_j is None:
        words.append("too few batches for an interval")
    if found.left_out:
        words.append(f"{found.left_out} of {found.batches + found.left_out} batches left out: gaps")
    if idle_w is None:
        words.append("idle power not known, so nothing net of it")
    return ", ".join(words)


def _points(trace: Trace, start_s: float) -> list[tuple[float, float]]:
    seconds, watts = (trace.begin_s - start_s).tolist(), trace.begin_w.tolist()
    return list(zip(seconds, watts, strict=True))


def _picture(trace: Trace, begin_s: Array, end_s: Array) -> dict[str, list[Row]]:
    """Power around the middle batches, and when those were; seconds since the first of them began.

    Readings without a gap between them are of one `stretch`.
    """
    first = max(0, (len(begin_s) - SHOWN_BATCHES) // 2)
    begin, end = begin_s[first : first + SHOWN_BATCHES], end_s[first : first + SHOWN_BATCHES]
    around = _AROUND * (end[-1] - begin[0])
    inside = (trace.end_s >= begin[0] - around) & (trace.begin_s <= end[-1] + around)
    stretch = np.cumsum(np.concatenate([[False], trace.begin_s[1:] != trace.end_s[:-1]]))
    step = -(-int(np.count_nonzero(inside)) // (SHOWN_READINGS // 2)) or 1
    power: list[Row] = []
    for piece in np.flatnonzero(inside)[::step]:
        for time, watts in (
            (trace.begin_s[piece], trace.begin_w[piece]),
            (trace.end_s[piece], trace.end_w[piece]),
        ):
            second = float(time - begin[0])
            row: Row = {"second": second, "watts": float(watts), "stretch": float(stretch[piece])}
            if not power or power[-1] != row:
                power.append(row)
    batches: list[Row] = [
        {
            "batch": float(first + number + 1),
            "begin_s": float(b - begin[0]),
            "end_s": float(e - begin[0]),
        }
        for number, (b, e) in enumerate(zip(begin, end, strict=True))
    ]
    return {"power": power, "batches": batches}


def _csv(trace: Trace) -> bytes:
    """The whole trace: power falls or rises evenly from a line's begin to its end; gaps are no lines."""
    text = io.StringIO()
    text.write("begin_s,end_s,begin_w,end_w\n")
    rows = np.stack([trace.begin_s, trace.end_s, trace.begin_w, trace.end_w], axis=1)
    np.savetxt(text, rows, fmt="%.6f", delimiter=",")
    return text.getvalue().encode()
