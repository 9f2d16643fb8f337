"""Which cores a contestant may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def all_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Within it, this process and what it starts keep to the last `count` of its cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
