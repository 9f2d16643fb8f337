"""The float32 networks that the trainer is compared with: one line each in RIVALS."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edgebnn.bench.cases import Case
from edgebnn.bench.framework import Framework, quickest, spec_of
from edgebnn.bench.torch_environment import torch_python
from edgebnn.errors import JobError

KERAS = "Keras f32"
TORCH = "PyTorch f32"

Find = Callable[[], Path | None]
"""The interpreter of the rival's environment; None if there is none."""
Start = Callable[[Case, int, Path], Framework]
"""Starts the rival on a case with so many threads."""


def _keras(case: Case, threads: int, python: Path) -> Framework:
    """With XLA, Keras' own choice, and without it: whichever is quicker."""
    starts = [
        partial(
            Framework, KERAS, python, "edgebnn.bench.keras_child", spec_of(case, threads, jit=jit)
        )
        for jit in (False, True)
    ]
    return quickest(starts)


def _torch(case: Case, threads: int, python: Path) -> Framework:
    return Framework(TORCH, python, "edgebnn.bench.torch_child", spec_of(case, threads))


RIVALS: dict[str, tuple[Find, Start]] = {
    KERAS: (lambda: Path(sys.executable), _keras),
    TORCH: (torch_python, _torch),
}

Starts = list[Callable[[Case, int], Framework | None]]


def rivals() -> Starts:
    """What starts each rival that can be had here; one that fails is told and gives None."""

    def started(start: Start, python: Path, case: Case, threads: int) -> Framework | None:
        try:
            return start(case, threads, python)
        except JobError as error:
            print(f"bench: {case.title}, without {error}", file=sys.stderr, flush=True)
            return None

    found = [(start, find()) for find, start in RIVALS.values()]
    return [partial(started, start, python) for start, python in found if python is not None]
