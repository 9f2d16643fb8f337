"""Standard streams that bear whatever is written to them: closed ones, other encodings, secrets.

A pipe whose reader has gone (`edgebnn plan | head -1`) is no error of ours.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper

from edgebnn.secrecy import masked
from edgebnn.unexpected import told

_ALSO_RAISE = ("paramiko", "asyncssh", "asyncio")
"""Libraries that log, with its traceback, what they raise as well."""


class _OneLine(logging.Formatter):
    def formatException(self, ei: object) -> str:
        return ""


class _Masked(TextIOWrapper):
    def write(self, text: str, /) -> int:
        return super().write(masked(text))


def prepare() -> None:
    """For a process of its own: opens what is closed, masks what is written, a line at a time, and
    writes `?` for what the terminal's encoding does not have."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(
                os.devnull, os.O_RDWR
            )  # takes the lowest number: no file of ours becomes an output
    threading.excepthook = _say
    for name in _ALSO_RAISE:
        logging.getLogger(name).addHandler(logging.NullHandler())
    if logging.lastResort:  # what nobody handles goes to standard error
        logging.lastResort.setFormatter(_OneLine())
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        encoding = stream.encoding if stream else "utf-8"
        raw = stream.detach() if stream else os.fdopen(number, "wb", closefd=False)
        wrapped = _Masked(raw, encoding=encoding, errors="replace", line_buffering=True)
        setattr(sys, name, wrapped)
        setattr(sys, f"__{name}__", wrapped)


def _say(ended: threading.ExceptHookArgs) -> None:
    """Of a thread that nobody waits for: a line, as of any other error."""
    if ended.exc_value is not None:
        print(f"edgebnn: in the background: {told(ended.exc_value)}", file=sys.stderr)


def reader_gone() -> bool:
    """Whether standard output is a pipe that no one reads any more."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def give_up() -> None:
    """Nothing that is still to be written goes out: Python would complain as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    with suppress(OSError):
        sys.stdout.flush()
