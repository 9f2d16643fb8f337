"""Batches of a packed data set: uint8 from the memory map, augmented, then centred float32 in tf.data.

TensorFlow is loaded for tf.data alone: `training_images` does without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebnn.data.datasets import Split
from edgebnn.emulation.augmentation import augment
from edgebnn.emulation.random import permutation
from edgebnn.study.run import Run

Batches = Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]


BLOCK_BYTES = 2**20
"""Of images that are made at once, about: it takes Python as long to hand over a small batch as a block."""


def training_images(
    run: Run, split: Split, first_epoch: int, epochs: int, together: int = 1
) -> Batches:
    """Every batch, or micro-batch, epoch after epoch, shuffled and augmented as both engines do.

    Args:
        run: its batch size, micro-batch, seed and augmentation count.
        split: the training images; a last incomplete batch of an epoch is dropped.
        first_epoch, epochs: from, and up to but without, counted from 0.
        together: batches that are yielded as one; an epoch's last may be fewer.

    Yields:
        images uint8 [together·B, h, w, c] and labels uint8 [together·B].
    """
    count, size, seed = len(split.labels), run.micro_batch or run.batch_size, run.seed or 0
    augmentation = run.augmentation.model_dump()
    for epoch in range(first_epoch, epochs):
        order = permutation(seed, epoch, count)
        end = count - count % run.batch_size
        for start in range(0, end, size * together):
            positions = np.arange(start, min(start + size * together, end))
            index = order[positions]
            images = augment(split.images[index], seed, epoch, positions, **augmentation)
            yield images, split.labels[index]


def training_batches(run: Run, split: Split, first_epoch: int, epochs: int) -> Any:
    """tf.data of (float32 [B, h, w, c], int32 [B]) for `training_images`: one pass over all epochs."""
    size, image = run.micro_batch or run.batch_size, split.images.shape[1:]
    together = max(1, BLOCK_BYTES // (size * math.prod(image)))
    return pipeline(
        (size, *image), lambda: training_images(run, split, first_epoch, epochs, together)
    )


def evaluation_batches(split: Split, batch_size: int = 500) -> Any:
    """tf.data over a whole split in its own order; the last batch may be smaller."""
    count = len(split.labels)

    def batches() -> Batches:
        for start in range(0, count, batch_size):
            cut = slice(start, start + batch_size)
            yield split.images[cut], split.labels[cut]

    return one_pass(pipeline((None, *split.images.shape[1:]), batches), count, batch_size)


def one_pass(batches: Any, count: int, batch_size: int) -> Any:
    """`batches` of `count` images, of which Keras counts the batches and stops there."""
    import tensorflow as tf

    return batches.apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))


def centred(images: Any) -> Any:
    """c = 2u - 255 of uint8 pixels u: exact float32 integers."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) * 2 - 255


def pipeline(
    shape: tuple[int | None, ...],
    batches: Callable[[], Iterator[tuple[Any, Any]]],
    labels: str = "uint8",
    ahead: int = 4,
) -> Any:
    """tf.data of (float32 `shape`, int32 [B]) for batches of uint8 images and of labels.

    Args:
        shape: [B, h, w, c] of the images; B may be None: as the batches come.
        batches: makes the batches, or whole multiples of them.
        labels: their type.
        ahead: batches that are made before they are asked for.
    """
    import tensorflow as tf

    signature = (tf.TensorSpec((None, *shape[1:]), tf.uint8), tf.TensorSpec((None,), labels))
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    made = tf.data.Dataset.from_generator(batches, output_signature=signature).map(
        lambda images, labels: (centred(images), tf.cast(labels, tf.int32))
    )
    if shape[0] is not None:
        made = made.rebatch(shape[0], drop_remainder=True)
    return made.prefetch(ahead).with_options(options)
