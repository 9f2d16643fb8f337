"""A small copy of a packed data set: as many images as a few steps read. What a training needs in memory does
not depend on how many there are, as they are read one by one; how long its evaluations take does."""

from __future__ import annotations

from pathlib import Path

from edgebnn.data.datasets import Packed, Split, read_packed, write_packed


def write_few(source: Path, target: Path, batch_size: int, steps: int) -> None:
    """Writes the first images: for training those of so many steps, one for validation and one for testing.

    Args:
        source: packed data set.
        target: packed data set to write; for training all of the source's where it has no more.
        batch_size: images in a batch.
        steps: of training.

    Raises:
        ConfigError: the source is no packed data set.
        InfrastructureError: the target cannot be written.
    """
    packed = read_packed(source)

    def first(split: Split, count: int) -> Split:
        return Split(split.images[:count], split.labels[:count])

    few = Packed(
        packed.classes,
        first(packed.train, batch_size * steps),
        first(packed.validation, 1),
        first(packed.test, 1),
    )
    write_packed(target, few)
