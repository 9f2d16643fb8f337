"""Memory that a step frees is kept for the next one.

A step takes megabytes for a moment. glibc gives such memory back to the system when it is freed, and
each page of it costs a fault when it is asked for again: of a step of MLP on two threads a quarter,
in threads that wait for each other.
"""

from __future__ import annotations

import ctypes

_SETTINGS = {
    -8: 1,  # M_ARENA_MAX: one heap, as those of threads are 64 MiB each, unmapped as they empty
    -3: 2**30,  # M_MMAP_THRESHOLD: no mapping of its own for what is large
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: nothing is given back
    -2: 2**25,  # M_TOP_PAD: the heap grows by 32 MiB
}
"""mallopt(3), by the numbers of malloc.h."""


def keep_freed_memory() -> None:
    """For this process, before it has threads. Does nothing where the C library has no such settings."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting, value in _SETTINGS.items():
            mallopt(setting, value)
