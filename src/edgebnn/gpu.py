"""One GPU for one job: jobs that run at once, of one workflow or of several, each take another."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebnn.disk import DISK_ERRORS, cannot_write
from edgebnn.machine import visible_gpus

SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def claimed_gpu(folder: Path, progress: Callable[[str], None]) -> Iterator[str | None]:
    """Holds a free GPU while the block runs, and shows the process no other; call it before a backend loads.

    A lock a GPU, which dies with its process. With no GPU nothing is held, and nothing hidden.

    Args:
        folder: of the locks, the same for all jobs of a user; may be shared by several machines.
        progress: takes a line when the job has to wait.

    Yields:
        Its name in CUDA_VISIBLE_DEVICES, None without GPUs.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    names = visible_gpus()
    if not names:
        yield None
        return
    host = platform.node()
    locks = [(n, FileLock(folder / f"{host}-gpu-{n.replace('/', '-')}.lock")) for n in names]
    told = False
    while True:
        for name, lock in locks:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                held = lock.acquire(timeout=0)
            except Timeout:
                continue
            except OSError as error:
                if error.errno not in DISK_ERRORS:
                    raise
                raise cannot_write(folder, error) from error
            with held:
                os.environ["CUDA_VISIBLE_DEVICES"] = name
                yield name
            return
        if not told:
            progress(f"waiting for one of the GPUs {', '.join(names)}: all are taken by other jobs")
            told = True
        time.sleep(SECONDS_BETWEEN_LOOKS)
