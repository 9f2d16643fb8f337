"""Batches of a packed data set: uint8 by index from the memory map, centred float32 in tf.data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgebnn.datasets import Split
from edgebnn.emulation.random import permutation

Indices = Iterator[NDArray[np.int64]]


def training_order(
    count: int, batch_size: int, seed: int, first_epoch: int, epochs: int
) -> Indices:
    """Image indices of every batch, epoch after epoch, in the order both engines share.

    Args:
        count: training images; a last incomplete batch of an epoch is dropped.
        first_epoch, epochs: from, and up to but without, counted from 0.

    Yields:
        int64 [batch_size].
    """
    for epoch in range(first_epoch, epochs):
        order = permutation(seed, epoch, count)
        for start in range(0, count - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def training_batches(
    split: Split, batch_size: int, seed: int, first_epoch: int, epochs: int
) -> Any:
    """tf.data of (float32 [B, h, w, c], int32 [B]) for `training_order`: one pass over all epochs."""

    def order() -> Indices:
        return training_order(len(split.labels), batch_size, seed, first_epoch, epochs)

    return _pipeline(split, batch_size, order)


def evaluation_batches(split: Split, batch_size: int = 500) -> Any:
    """tf.data over a whole split in its own order; the last batch may be smaller."""
    count = len(split.labels)

    def order() -> Indices:
        for start in range(0, count, batch_size):
            yield np.arange(start, min(start + batch_size, count))

    # One pass over a split: Keras counts its batches and stops there.
    return _pipeline(split, None, order).apply(
        tf.data.experimental.assert_cardinality(-(-count // batch_size))
    )


def centred(images: Any) -> Any:
    """c = 2u - 255 of uint8 pixels u: exact float32 integers."""
    return tf.cast(images, tf.float32) * 2 - 255


def _pipeline(split: Split, batch_size: int | None, order: Callable[[], Indices]) -> Any:
    def batches() -> Iterator[tuple[Any, Any]]:
        for index in order():
            yield split.images[index], split.labels[index]

    signature = (
        tf.TensorSpec((batch_size, *split.images.shape[1:]), tf.uint8),
        tf.TensorSpec((batch_size,), tf.uint8),
    )
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    return (
        tf.data.Dataset.from_generator(batches, output_signature=signature)
        .map(lambda images, labels: (centred(images), tf.cast(labels, tf.int32)))
        .prefetch(4)
        .with_options(options)
    )
