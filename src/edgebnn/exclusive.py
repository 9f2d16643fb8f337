"""One process at a time makes one output.

A killed workflow can leave a stage at work; the next one must neither do the same work beside it nor
disturb it. The second process waits for the first and finds the output there.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(output: Path) -> Iterator[bool]:
    """Holds the lock that belongs to an output file while the block runs.

    Yields:
        True if another process completed the output while this one waited: nothing is left to do.
    """
    lock = output.parent / f".{output.name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            waited = False
        except BlockingIOError:
            print(f"waiting for another process that is making {output}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
            waited = True
        yield waited and output.exists()
