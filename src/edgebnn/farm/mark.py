"""Where a command's own words begin: what a login script prints comes before them, on both streams.

So every command says a line of ours first; what stands before it is noise, and dropped.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from edgebnn.errors import InfrastructureError
from edgebnn.printable import printable

_MARK = "edgebnn: what follows is ours"
MARK_LINE = f"{_MARK}\n"
SAY_MARK = f"echo {shlex.quote(_MARK)} && echo {shlex.quote(_MARK)} >&2 && "
"""For the account's shell, before a command: any of sh's kin, or fish."""


def split_at_mark(stdout: str) -> tuple[str, bool, str]:
    """The noise, whether our mark came, and what came after it."""
    noise, mark, words = stdout.partition(MARK_LINE)
    return noise, bool(mark), words


def ours(stderr: str) -> str:
    """The second stream without the noise; all of it if the mark never came."""
    return stderr.rpartition(MARK_LINE)[2]


def no_command(name: str, said: str) -> InfrastructureError:
    """The error of a login that never came to our command, with what it said instead."""
    words = " ".join(said.split())[:200]
    return InfrastructureError(
        f"device {name}: its login script or shell ends, or waits, before our command begins"
        + (f"; it says: {words}" if words else "")
        + "; the shell must be one of sh's kin (bash, dash, zsh, fish), and .bashrc and the like "
        "must let commands pass: case $- in *i*) ;; *) return ;; esac"
    )


class Lines:
    """A text stream that hands on whole lines, from our mark on, fit for a terminal."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = ""
        self.marked = False
        """Our mark has come."""

    @property
    def noise(self) -> str:
        """What came instead."""
        return "" if self.marked else self._rest

    def write(self, text: str) -> None:
        """Takes some text."""
        self._rest += text
        if not self.marked:
            _, self.marked, rest = split_at_mark(self._rest)
            if not self.marked:
                return
            self._rest = rest
        *lines, self._rest = self._rest.split("\n")
        for line in lines:
            self._on_line(printable(line))

    def flush(self) -> None:
        """Nothing is held back but an unfinished line."""
