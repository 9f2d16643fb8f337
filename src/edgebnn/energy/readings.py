"""From what was read, line by line, to times and values: what makes no sense is left out, and counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from edgebnn.energy.meter import Reading
from edgebnn.errors import InfrastructureError

Value = TypeVar("Value")

WRONG_AT_MOST = 0.5
"""Share of the readings that may make no sense; the rest of the trace is then made of gaps."""


def sift(
    readings: Iterable[Reading],
    names: Sequence[str],
    value_of: Callable[[Sequence[str]], Value | None],
    meter: str,
    wanted: str,
) -> tuple[list[float], list[Value]]:
    """Times and values of the readings that make sense.

    Args:
        readings: lines in the order of time.
        names: a line that lacks one of these had a read that failed, or is of other things: passed over.
        value_of: from the texts under the names to the value; None if they make no sense.
        meter: what it is called in messages.
        wanted: what its readings are, for messages.

    Raises:
        InfrastructureError: no reading makes sense, or more than half do not.
    """
    times: list[float] = []
    values: list[Value] = []
    odd: list[str] = []
    for reading in readings:
        texts = [reading.get(name) for name in names]
        time = reading.get("time_s")
        if not all(isinstance(text, str) for text in texts):
            continue
        value = value_of([str(text) for text in texts])
        ordered = _is_time(time) and (not times or float(str(time)) > times[-1])
        if value is None or not ordered:
            odd.append(", ".join(map(shown, texts)) if value is None else f"time_s {time!r}")
            continue
        times.append(float(str(time)))
        values.append(value)
    refuse_if_odd(len(times), odd, meter, wanted)
    return times, values


def refuse_if_odd(good: int, odd: Sequence[str], meter: str, wanted: str) -> None:
    """Raises InfrastructureError if no reading is good, or more than half are odd.

    Args:
        odd: of each odd reading, what was found.
    """
    if not good and not odd:
        raise InfrastructureError(f"{meter}: nothing could be read; wanted is {wanted}")
    if len(odd) > WRONG_AT_MOST * (good + len(odd)):
        examples = "; ".join(dict.fromkeys([odd[0], odd[len(odd) // 2], odd[-1]]))
        raise InfrastructureError(
            f"{meter}: {len(odd)} of {good + len(odd)} readings failed: {examples}; "
            f"wanted is {wanted}"
        )


def shown(text: object) -> str:
    """A text as a message shows it: quoted, on one line, its begin alone if it is long."""
    whole = repr(text)
    return whole if len(whole) <= 80 else f"{whole[:77]}..."


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
