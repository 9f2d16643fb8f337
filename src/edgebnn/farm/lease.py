"""The lease: one job at a time on a device, whoever asks from wherever, and who has it since when.

An flock on a file of the device. The SSH session of whoever works there holds it, and every process of the
job that the session starts: so a device is free exactly when nothing uses it, whoever ends or dies first. A
session whose controller is silent for SILENT_S, as a laptop that sleeps, gives up its hold. The file says who
took it; its words count only while the lock is held.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgebnn.errors import InfrastructureError, PassingError
from edgebnn.farm.connection import Held, Host
from edgebnn.farm.ssh_config import own_name

BEAT_S = 20.0
SILENT_S = 100.0
_ALIVE, _START = b".", b"s"

# $1: who asks, $2: the job's folder, $3: seconds of silence that end it. Times are the device's own: what is
# told of them is only how long ago. Orders are single bytes, as a reader of lines could swallow two at once.
_HOLD = """
why=$({ mkdir -p edgebnn && : >>edgebnn/lease; } 2>&1) || { echo "$why" | tail -n 1; exit; }
command -v flock >/dev/null || { echo "has no program flock; install util-linux there"; exit; }
exec 9>>edgebnn/lease
why=$(flock -n 9 2>&1)
case $? in
  0) ;;
  1) echo "busy $(date +%s) $(head -c 300 edgebnn/lease | head -n 1)"; exit ;;
  *) echo "$why" | tail -n 1; exit ;;
esac
echo "$(date +%s) $1" 2>/dev/null >edgebnn/lease
echo held
while order=$(exec 9>&-; timeout "$3" dd bs=1 count=1 2>/dev/null); do
  case $order in
    .) ;;
    s) (cd "./$2" && : >>running && command -v setsid || { echo failed; exit; }
        exec 8>>running && flock 8 && exec setsid sh ./start) 2>&1 & ;;
    *) exit ;;
  esac
done
"""


@dataclass(frozen=True)
class Lease:
    """What came of asking for a device."""

    ours: bool
    holder: str = ""
    """Who has it instead, and for how long."""
    held: Held | None = None

    def start(self) -> None:
        """Runs the script `start` in the job's folder, which from then on has the lease as well.

        Raises:
            InfrastructureError: it cannot be started there.
            PassingError: the lease was lost before.
        """
        assert self.held is not None
        name, said = self.held.host.name, []
        line = self.held.ask(_START)
        while line not in ("started", "failed", ""):
            said.append(line)  # which may be noise
            line = self.held.line()
        if line == "failed":
            raise InfrastructureError(
                f"device {name}: the job cannot be started: {'; '.join(said)}"
            )
        if not line:
            raise PassingError(f"device {name}: the job was not started: the lease is lost")

    @property
    def lost(self) -> bool:
        """True if our session has no longer hold of it."""
        return self.held is None or self.held.over


@contextmanager
def lease(host: Host, purpose: str, folder: str = ".") -> Iterator[Lease]:
    """Takes the device while the block runs, unless another has it.

    Args:
        purpose: what it is taken for, as others shall read it.
        folder: of the job that may be started under it.

    Raises:
        InfrastructureError: the device has no `flock`, or no room for the file.
    """
    who = f"{purpose}, {own_name()}@{platform.node()}"
    with host.hold(["sh", "-c", _HOLD, "sh", who, folder, f"{SILENT_S:g}"]) as held:
        state, _, words = held.first.partition(" ")
        if held.first == "held":
            with _heard(held):
                yield Lease(ours=True, held=held)
        elif state == "busy":
            yield Lease(ours=False, holder=_holder(words))
        elif held.first:
            raise InfrastructureError(f"device {host.name}: {held.first}")
        else:
            host.probe()
            raise PassingError(f"device {host.name}: cannot be leased: the session ended")


@contextmanager
def _heard(held: Held) -> Iterator[None]:
    """Lets the device hear of us while the block runs."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_S) and held.tell(_ALIVE):
            pass

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _holder(words: str) -> str:
    """Who has a device and for how long, from its clock now, when the lease began, and who took it."""
    now, _, rest = words.partition(" ")
    since, _, who = rest.partition(" ")
    if not (now.isdecimal() and since.isdecimal() and who):
        return "someone who has not said who"
    return f"{who}, for {span(max(0, int(now) - int(since)))}"


def span(seconds: int) -> str:
    """A length of time in words."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
