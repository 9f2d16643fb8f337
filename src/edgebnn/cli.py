"""The command line: one subcommand a stage, and no logic."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from edgebnn import streams, unexpected
from edgebnn.ended import failure_note
from edgebnn.errors import ConfigError, EdgebnnError
from edgebnn.exclusive import exclusive
from edgebnn.options import parser
from edgebnn.unexpected import told

if TYPE_CHECKING:
    from collections.abc import Sequence

READER_GONE = 141
"""As a shell says of a command that SIGPIPE ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand; returns its exit status.

    Args:
        arguments: None for a process of its own: those of its command line.
    """
    if arguments is None:
        streams.prepare()
    output: Path | None = None
    try:
        options = parser().parse_args(arguments)
        output = _named(getattr(options, "output", None))
        status = _run(options, output)
        sys.stdout.flush()
        return status
    except SystemExit:  # argparse has shown its help, or tried to
        if streams.reader_gone():
            streams.give_up()
        raise
    except KeyboardInterrupt:
        print("edgebnn: interrupted; what was complete is kept", file=sys.stderr)
        return 130
    except Exception as error:
        if isinstance(error, OSError) and streams.reader_gone():
            streams.give_up()
            return READER_GONE
        status = _fail(error, output)
        if arguments is None:
            _leave(status)
        return status


def _named(output: Path | None) -> Path | None:
    if output is not None and output.name in ("", ".."):
        raise ConfigError(f"--output: found the folder '{output}'; a file's name is wanted")
    return output


def _run(options: argparse.Namespace, output: Path | None) -> int:
    if output is None:
        return options.stage(options) or 0
    with exclusive(output) as done:
        failure_note(output).unlink(missing_ok=True)
        return 0 if done else options.stage(options) or 0


def _fail(error: Exception, output: Path | None) -> int:
    said = told(error)
    with suppress(OSError):  # of a standard error that no one reads
        print(f"edgebnn: {said}", file=sys.stderr)
    if output is not None and output.parent.is_dir():
        with suppress(OSError, ValueError):  # of a disk that is full or closed, or no file's name
            failure_note(output).write_text(f"{said}\n")
    if isinstance(error, EdgebnnError):
        return error.exit_status
    try:
        sys.stdout.flush()
    except OSError:
        streams.give_up()
    return unexpected.EXIT_STATUS


def _leave(status: int) -> NoReturn:
    """Ends the process as it is, while its error still holds all that the stage had: to take that apart,
    TensorFlow can wait for ever, for a thread of its own that waits for Python."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
