"""Who takes turns: larq, the emulation by each method, and its batches alone, each in a process."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.bench.cases import Case
from edgebnn.bench.framework import Framework, quickest, spec_of
from edgebnn.bench.ours import run_of
from edgebnn.bench.synthetic import write_images
from edgebnn.data.datasets import read_packed
from edgebnn.study.config import Augmentation
from edgebnn.study.switches import PRESETS

LARQ = "larq"
METHODS = ("standard", "proposed")
BATCHES = {"batches": Augmentation(), "batches, augmented": Augmentation(shift=0.15, flip=True)}
"""As they are, and as CIFAR-10's are in Wang et al. (2021)."""
IMAGES = 50
"""Batches in an epoch."""
TOGETHER = {"mlp": 10, "cnv": 5}
"""Steps an execution, of the emulation and of larq."""


def specs_of(case: Case, folder: Path) -> dict[str, dict[str, Any]]:
    """What each child is told; all have the same images."""
    data, arrays = folder / "random.ebd", folder / "random.npz"
    write_images(case, data, IMAGES * case.batch_size)
    train = read_packed(data).splits()[0]
    np.savez(arrays, images=train.images, labels=train.labels)
    together = TOGETHER[case.model]

    def ours(method: str | None, augmentation: Augmentation) -> dict[str, Any]:
        run = run_of(case, PRESETS[method or METHODS[0]], 1)
        run = run.model_copy(update={"stage": "emulate", "augmentation": augmentation})
        return {
            "run": run.model_dump(mode="json"),
            "method": method,
            "data": str(data),
            "together": together,
        }

    return {
        LARQ: spec_of(case, 1, arrays=str(arrays), together=together, jit=False),
        **{method: ours(method, Augmentation()) for method in METHODS},
        **{name: ours(None, augmentation) for name, augmentation in BATCHES.items()},
    }


def starts_of(specs: dict[str, dict[str, Any]], python: Path, threads: int) -> list[Any]:
    """What starts each contestant; larq with XLA or without it, whichever is quicker."""

    def start(name: str, **options: Any) -> Framework:
        return child(name, {**specs[name], "threads": threads, **options}, python)

    return [
        partial(quickest, [partial(start, LARQ, jit=jit) for jit in (False, True)]),
        *(partial(start, name) for name in specs if name != LARQ),
    ]


def child(name: str, spec: dict[str, Any], python: Path) -> Framework:
    if name == LARQ:
        return Framework(name, python, "edgebnn.bench.emulation.larq_child", spec)
    return Framework(name, Path(sys.executable), "edgebnn.bench.emulation.emulation_child", spec)
