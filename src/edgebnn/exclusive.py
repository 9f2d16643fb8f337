"""One process at a time makes one output.

A killed workflow can leave a stage at work; the next one must neither do the same work beside it nor
disturb it. The second process waits for the first and finds the output there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebnn.disk import DISK_ERRORS, cannot_write


@contextmanager
def exclusive(output: Path, *, quiet: bool = False) -> Iterator[bool]:
    """Holds the lock that belongs to an output file while the block runs.

    Args:
        output: what is made.
        quiet: not to say that it waits.

    Yields:
        True if another process completed the output while this one waited: nothing is left to do.

    Raises:
        InfrastructureError: nothing can be written beside the output.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(output.parent / f".{output.name}.lock")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        held = lock.acquire(timeout=0)
        waited = False
    except Timeout:
        if not quiet:
            print(f"waiting for another process that is making {output}", flush=True)
        held = lock.acquire()
        waited = True
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise cannot_write(output, error) from error
    with held:
        yield waited and output.exists()
