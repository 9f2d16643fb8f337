"""What no one foresaw: one line for the user, the details in a file that only they can read."""

from __future__ import annotations

import os
import tempfile
import traceback

from edgebnn.errors import EdgebnnError
from edgebnn.printable import printable
from edgebnn.secrecy import masked

EXIT_STATUS = 70
"""sysexits.h: an internal error."""
LONGEST = 300
"""Characters of an exception's own words on the line."""


def told(error: BaseException) -> str:
    """What to say of an error: its own words if it was raised on purpose; else what it is, on one line,
    and in which file its traceback is."""
    if isinstance(error, EdgebnnError):
        return str(error)
    words = " ".join(masked(printable(_words_of(error))).split())[:LONGEST]
    kind = type(error).__name__
    return f"unexpected: {kind}{f': {words}' if words else ''}; {_keep_details(error)}"


def _words_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # of a library's own __str__
        return ""


def _keep_details(error: BaseException) -> str:
    try:
        details = masked("".join(traceback.format_exception(error)))
        # Mode 0600: what stands in a traceback is the user's own.
        number, name = tempfile.mkstemp(prefix="edgebnn-", suffix=".log")
        with os.fdopen(number, "w", errors="backslashreplace") as file:
            file.write(details)
    except (OSError, MemoryError) as refused:
        return f"the details could not be kept ({type(refused).__name__}); TMPDIR names a folder for them"
    return f"the details are in {name}"
