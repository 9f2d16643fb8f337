"""What native code says on standard error, held back; said all the same if an error or its end follows.

A library that aborts takes the process with it, and whatever was held back in there. So a second
process holds it, and sees from the pipe's end whether all went well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_WELL = b"\0all is well\n"
_KEEPER = f"""
import sys
said = sys.stdin.buffer.read()
if not said.endswith({_WELL!r}):
    sys.stderr.buffer.write(said)
"""
PATIENCE_S = 5.0
"""For a process that native code started and that still has the pipe."""


@contextmanager
def held_back() -> Iterator[None]:
    """Keeps what is said on descriptor 2 to itself, unless the block raises or never ends."""
    sys.stderr.flush()
    # A session of its own: Ctrl-C and its like end it only with its pipe.
    command = [sys.executable, "-S", "-E", "-c", _KEEPER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as keeper:
        assert keeper.stdin is not None
        saved = os.dup(2)
        os.dup2(keeper.stdin.fileno(), 2)
        try:
            yield
            os.write(2, _WELL)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            keeper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                keeper.wait(PATIENCE_S)
            keeper.kill()
