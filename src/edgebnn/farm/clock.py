"""How far a device's monotonic clock is from this machine's: a plug is read by the one, steps by the other."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host

_TIMES = 9
"""Questions; the quickest answer counts."""


@dataclass(frozen=True)
class Offset:
    """What the device's clock shows more than ours, in seconds, give or take `within_s`."""

    seconds: float
    within_s: float


def clock_offset(host: Host, argv: list[str]) -> Offset:
    """Asks a device for its time.

    Args:
        argv: `edgebnn-measure --clock`, as it is started there from HOME.

    Raises:
        InfrastructureError: the connection dropped, or what answers is no time.
    """
    found: list[Offset] = []
    with host.channel(argv) as channel, host.mapped():
        answers = channel.makefile("rb")
        for _ in range(_TIMES):
            asked = time.monotonic()
            with suppress(
                OSError
            ):  # a command that has ended takes no question; its output is read
                channel.sendall(b"\n")
            line = answers.readline()
            answered = time.monotonic()
            try:
                told = float(line)
            except ValueError:
                host.probe()
                raise InfrastructureError(
                    f"device {host.name}: wanted is the time of its clock, found {line!r}"
                ) from None
            found.append(Offset(told - (asked + answered) / 2, (answered - asked) / 2))
    return min(found, key=lambda offset: offset.within_s)
