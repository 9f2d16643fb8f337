"""The keeper of a process: sees to it that nothing which that process started outlives it.

A process may leave its parents behind (`setsid`, a double fork), and so escape whoever ends those. The
keeper is a child subreaper: each such process becomes its child when the parents end (prctl(2)).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def be_kept() -> None:
    """Forks, before any thread or event loop is started; returns in the child, the kept process.

    The parent becomes the keeper, and never returns. It passes SIGTERM on to the child. When the child
    has ended, by whatever cause, it kills all that is left of what the child started, and exits with 0.
    SIGINT is ignored in both. If the keeper is killed, the child is too.

    Raises:
        OSError: the system has no child subreapers (Linux before 3.4), or no process to spare.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    keeper = os.getpid()
    kept = os.fork()
    if kept:
        _keep(kept)
        sys.exit(0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:  # killed before this process could ask for the signal
        os._exit(1)


def _keep(kept: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os.kill(kept, signal.SIGTERM))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):  # pipes: their ends are the kept process's alone
        os.dup2(nothing, stream)
    while (ended := _next_end()) != kept:
        os.waitpid(ended, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(ChildProcessError):  # none is left
        while True:
            for child in _children():
                with suppress(PermissionError):  # of another user: waited for
                    os.kill(child, signal.SIGKILL)
            os.wait()  # the children of what ended are ours from then on


def _next_end() -> int:
    """The child that ended, not reaped yet: its number is no other's until it is."""
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    return ended.si_pid


def _children() -> list[int]:
    """The children of this process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
