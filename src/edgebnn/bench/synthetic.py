"""A packed data set of random images: steps take the same time as on real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebnn.bench.cases import Case
from edgebnn.data.datasets import Packed, Split, write_packed

BATCHES = 5
"""In an epoch."""


def write_images(case: Case, path: Path) -> None:
    """Writes BATCHES batches of training images, and one image each to validate and to test."""
    network = case.network
    random = np.random.default_rng(1)
    (classes,) = network.output

    def split(images: int) -> Split:
        return Split(
            random.integers(0, 256, (images, *network.input), np.uint8),
            random.integers(0, classes, images, np.uint8),
        )

    write_packed(path, Packed(classes, split(BATCHES * case.batch_size), split(1), split(1)))
