"""A framework's side of the pipe: its process builds a network once, then trains when it is asked.

It runs in the framework's own environment, so nothing but Python's library is imported here. Lines of
JSON: in comes the spec (framework.py), out `{"by": way, "versions": {name: version}}`; then for each `{"steps": N}` one of
`{"step_s": seconds, "peak_bytes": N}`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

Spec = dict[str, Any]
Train = Callable[[int], list[float]]
"""Trains at least so many steps and returns the seconds of each."""


def serve(
    versions: Callable[[], dict[str, str]], build: Callable[[Spec], tuple[str, Train]]
) -> None:
    """Answers until the pipe closes.

    Args:
        versions: of the framework, by name.
        build: from the spec to the way it steps, in words, and what trains.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a framework prints is no answer
    questions = _lines()
    by, train = build(next(questions))
    print(json.dumps({"by": by, "versions": versions()}), file=answers)
    for question in questions:
        times = train(question["steps"])
        answer = {"step_s": median(times), "peak_bytes": _peak_bytes()}
        print(json.dumps(answer), file=answers)


def stopwatch(callback: type[Any]) -> Any:
    """A callback for `fit` whose `times` has the seconds of each batch, or execution of several.

    Args:
        callback: Keras' class, of whichever Keras.
    """

    class Stopwatch(callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.times.append(time.perf_counter() - self.start)

    return Stopwatch()


def _lines() -> Iterator[Any]:
    for line in sys.stdin:
        yield json.loads(line)


def _peak_bytes() -> int:
    """The largest resident set of this process."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    if found is None:
        raise OSError("/proc/self/status: no VmHWM")
    return int(found[1]) * 1024
