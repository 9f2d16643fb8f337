"""Whether larq's network is the emulation's: its shapes, and its logits in inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.bench.emulation.contestants import LARQ, METHODS, child
from edgebnn.errors import JobError

MOST_APART = 1e-3
"""Of two logits of one image: more is no rounding."""


def compared(specs: dict[str, dict[str, Any]], python: Path, folder: Path) -> tuple[float, int]:
    """How far the logits of the two networks are apart in inference, on a batch and with the same
    weights, at most, and how many weights and statistics both have.

    Raises:
        JobError: shapes differ (larq's own message), or the logits are further apart than rounding.
    """
    weights = folder / "weights.npz"
    logits = []
    for name in (METHODS[0], LARQ):
        path = folder / f"{name}.npy"
        told = {"threads": 1, "weights": str(weights), "logits": str(path)}
        child(name, {**specs[name], **told}, python).close()
        logits.append(np.load(path))
    apart = float(np.abs(logits[0] - logits[1]).max())
    if not apart <= MOST_APART:
        raise JobError(f"the networks differ: logits are {apart:.3g} apart")
    with np.load(weights) as given:
        return apart, sum(given[name].size for name in given)
