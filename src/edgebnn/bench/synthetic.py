"""A packed data set of random images: steps take the same time as on real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebnn.bench.cases import Case
from edgebnn.data.datasets import Packed, Split, write_packed

BATCHES = 5
"""In an epoch."""


def write_images(case: Case, path: Path, images: int | None = None) -> None:
    """Writes training images, and one image each to validate and to test.

    Args:
        images: to train on; None: BATCHES batches.
    """
    network = case.network
    random = np.random.default_rng(1)
    (classes,) = network.output

    def split(count: int) -> Split:
        return Split(
            random.integers(0, 256, (count, *network.input), np.uint8),
            random.integers(0, classes, count, np.uint8),
        )

    train = split(BATCHES * case.batch_size if images is None else images)
    write_packed(path, Packed(classes, train, split(1), split(1)))
