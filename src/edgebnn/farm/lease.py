"""The lease: one job at a time on a device, whoever asks from wherever, and who has it since when.

An flock on a file of the device, held through the SSH session of whoever works there: it ends with the
block, with the controller's process and with the connection, and so never outlives its holder. The file
says who that is; its words count only while the lock is held.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host
from edgebnn.farm.ssh_config import own_name

# $1: who asks. Times are the device's own: what is told of them is only how long ago.
_HOLD = """
exec 3>&1
why=$(mkdir -p edgebnn 2>&1) || { echo "$why" | tail -n 1; exit; }
command -v flock >/dev/null || { echo "has no program flock; install util-linux there"; exit; }
why=$(flock -n edgebnn/lease sh -c '
  echo "$(date +%s) $1" 2>/dev/null >edgebnn/lease
  echo held >&3
  exec cat >/dev/null 3>&-
' sh "$1" 2>&1)
case $? in
  0) ;;
  1) echo "busy $(date +%s) $(head -c 300 edgebnn/lease | head -n 1)" ;;
  *) echo "$why" | tail -n 1 ;;
esac
"""


@dataclass(frozen=True)
class Lease:
    """What came of asking for a device."""

    ours: bool
    holder: str = ""
    """Who has it instead, and for how long."""


@contextmanager
def lease(host: Host, purpose: str) -> Iterator[Lease]:
    """Takes the device while the block runs, unless another has it.

    Args:
        purpose: what it is taken for, as others shall read it.

    Raises:
        InfrastructureError: the device has no `flock`, or no room for the file.
    """
    who = f"{purpose}, {own_name()}@{platform.node()}"
    with host.hold(["sh", "-c", _HOLD, "sh", who]) as answer:
        state, _, words = answer.partition(" ")
        if answer == "held":
            yield Lease(ours=True)
        elif state == "busy":
            yield Lease(ours=False, holder=_holder(words))
        else:
            raise InfrastructureError(f"device {host.name}: {answer or 'cannot be leased'}")


def _holder(words: str) -> str:
    """Who has a device and for how long, from its clock now, when the lease began, and who took it."""
    now, _, rest = words.partition(" ")
    since, _, who = rest.partition(" ")
    who = "".join(sign if sign.isprintable() else "?" for sign in who)
    if not (now.isdigit() and since.isdigit() and who):
        return "someone who has not said who"
    return f"{who}, for {span(max(0, int(now) - int(since)))}"


def span(seconds: int) -> str:
    """A length of time in words."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
