"""A job that runs on a device by itself: started under its lease, followed from here, outliving the connection.

In the job's folder there:

- `start`     what runs, a script; `identity`: what it is made of (Job.identity)
- `running`   locked by every process of the job while one lives
- `pid`, `boot`   its session, and the start of the system that it runs under
- `about`     what the controller noted when it began
- `log`, `errors`  what it says; then `exit`, its status, which alone says that it came to its end
- `stopped`   who ended it, by `edgebnn farm stop`

Neither lock nor `exit`: it was killed, or the device went down.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.inventory import Device
from edgebnn.farm.settings import settings
from edgebnn.record import canonical

JOBS = "edgebnn/jobs"
ABOUT = "about"

_START = """
cat /proc/sys/kernel/random/boot_id >boot 2>/dev/null
echo $$ >pid && : >errors && : >log || {{ echo failed; exit; }}
echo started
exec >log 2>errors </dev/null
trap : TERM
{command}
echo $? >exit.part && {{ sync ./* 2>/dev/null; mv exit.part exit; }}
"""

# $1: the job's folder. The checkpoint is known by what changes when it is written anew.
_LOOK = """
cd "./$1" 2>/dev/null || exit 0
echo "identity $(cat identity 2>/dev/null)"
echo "checkpoint $(stat -c '%i %Y' checkpoint 2>/dev/null)"
test -s stopped && echo "stopped $(($(date +%s) - $(stat -c %Y stopped))) $(head -c 300 stopped | head -n 1)"
if test -e running && ! flock -sn running true; then echo "state running"
elif test -s exit; then echo "state ended"; echo "status $(cat exit)"
elif test -e running; then
  if test "$(cat boot)" = "$(cat /proc/sys/kernel/random/boot_id)"; then echo "state killed"
  else echo "state rebooted"; fi
fi
"""

# $1: the job's folder, $2: the first line that is wanted.
_FOLLOW = """
cd "./$1" || exit
tail -n "+$2" -f log &
tail=$!
flock -s running true
kill $tail
"""
_REST = 'cd "./$1" && exec tail -n "+$2" log'
_ENDING = 'cd "./$1" && tail -c 65536 errors >&2; tail -c 4096 log; exit "$(cat exit)"'

# $1: the job's folder, $2: who ends it. Its session is a process group: all that it started and nothing else.
_STOP = """
cd "./$1" 2>/dev/null || exit 0
test -e running && ! flock -sn running true || exit 0
echo "$2" >stopped
kill -TERM "-$(cat pid)"
timeout 10 flock -s running true || { kill -KILL "-$(cat pid)"; timeout 10 flock -s running true; } || exit
echo stopped
"""

State = Literal["none", "running", "ended", "killed", "rebooted"]


@dataclass(frozen=True)
class Seen:
    """A job's folder, as it was found."""

    state: State
    failed: bool = False
    """It ended with another exit status than 0."""
    identity: str = ""
    checkpoint: str = ""
    """Another text for each that is written; empty: none."""
    stopped_ago_s: int | None = None
    stopped_by: str = ""


def texts(command: list[str], what: str, noted: Mapping[str, str]) -> dict[str, str]:
    """The files of a job's folder that make it one, the identity last: it says that all is there."""
    return {
        ABOUT: json.dumps(noted),
        "start": _START.format(command=shlex.join(command)),
        "identity": what,
    }


def identity(digests: list[str], device: Device, stage: str = "device") -> str:
    """What a job is made of, in one word: its files and texts, and the device's settings."""
    told = canonical([*digests, settings(device, stage)])
    return hashlib.sha256(told.encode()).hexdigest()


def begun(throttling: str) -> dict[str, str]:
    """What is noted of a job that begins now: it is read again by whoever finishes it.

    Args:
        throttling: what the firmware answers.
    """
    return {"started": datetime.now(UTC).isoformat(timespec="seconds"), "throttling": throttling}


def about(host: Host, folder: str) -> dict[str, str]:
    """What the controller noted when the job began.

    Raises:
        InfrastructureError: it is not there, or the connection dropped.
    """
    try:
        found = json.loads(host.run(["cat", ABOUT], folder=folder).stdout)
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError):
        raise InfrastructureError(
            f"device {host.name}: {folder}/{ABOUT}: not as we wrote it"
        ) from None


def look(host: Host, folder: str) -> Seen:
    """How a job stands.

    Raises:
        InfrastructureError: the connection dropped.
    """
    found: dict[str, str] = {}
    for line in host.run(["sh", "-c", _LOOK, "sh", folder]).stdout.splitlines():
        key, _, value = line.partition(" ")
        found[key] = value
    state: State = "none"
    for known in ("running", "ended", "killed", "rebooted"):
        if found.get("state") == known:
            state = known
    ago, _, who = found.get("stopped", "").partition(" ")
    return Seen(
        state,
        found.get("status", "0") != "0",
        found.get("identity", ""),
        found.get("checkpoint", ""),
        int(ago) if ago.lstrip("-").isdecimal() else None,
        who,
    )


class Log:
    """The lines of a job's log, each handed on once however often the connection drops."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._lines = 0

    def begin(self) -> None:
        """Another start, another log."""
        self._lines = 0

    def follow(self, host: Host, folder: str, meanwhile: Callable[[], None]) -> None:
        """Hands on what comes, to the job's end.

        Args:
            meanwhile: called some times a second.

        Raises:
            InfrastructureError: the connection dropped.
        """
        for script in (_FOLLOW, _REST):
            host.run(
                ["sh", "-c", script, "sh", folder, str(self._lines + 1)],
                on_line=self._line,
                within_s=None,
                meanwhile=meanwhile,
            )

    def _line(self, line: str) -> None:
        self._lines += 1
        self._on_line(line)


def ending(host: Host, folder: str) -> Done:
    """The exit status of a job that came to its end, and the last of what it said.

    Raises:
        InfrastructureError: the connection dropped.
    """
    return host.try_run(["sh", "-c", _ENDING, "sh", folder])


def stop(host: Host, folder: str, who: str) -> bool:
    """Ends a job that runs; False if none does.

    Raises:
        InfrastructureError: it cannot be ended, or the connection dropped.
    """
    return bool(host.run(["sh", "-c", _STOP, "sh", folder, who]).stdout)


def remove(host: Host, folder: str) -> None:
    """Removes the folder of a job whose results are here; `edgebnn farm clean` does if this fails."""
    with suppress(InfrastructureError):
        host.run(["rm", "-rf", folder])
