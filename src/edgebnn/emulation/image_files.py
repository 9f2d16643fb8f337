"""Images of a folder, decoded and cut to the network's input by tf.data (docs/numerics.md, "Images of a folder")."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgebnn.data.image_index import ImageFiles
from edgebnn.emulation.random import AUGMENTATION, draws
from edgebnn.errors import ConfigError, InfrastructureError

AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
"""Of the part of an image that is trained on: its share of the area; width to height."""
MARGIN = 256 / 224
"""Sides of an image to evaluate, before its middle is cut out."""
AHEAD = 2
"""Batches that are decoded ahead."""

Batch = tuple[NDArray[np.uint8], NDArray[np.int32]]


class Broken:
    """The images that cannot be decoded: named once each, and too many are an error.

    Args:
        root: the folder.
        at_most: images that may be passed over.
        found: those so far, path -> why; grows.
        say: takes a line for each.
    """

    def __init__(
        self, root: Path, at_most: int, found: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self.root = root
        self.at_most = at_most
        self.found = found
        self.say = say

    def add(self, file: bytes) -> None:
        """Raises ConfigError if they are too many, InfrastructureError if the image can be read now."""
        name = os.fsdecode(file)
        if name in self.found:
            return
        self.found[name] = why = _reason(self.root / name)
        self.say(f"warning: {self.root / name}: passed over: {why}")
        if len(self.found) > self.at_most:
            listed = "\n".join(f"{self.root / name}: {why}" for name, why in self.found.items())
            raise ConfigError(
                f"{len(self.found)} images cannot be read, broken_at_most is {self.at_most}; mend "
                f"them, take them away, or allow more:\n{listed}"
            )


class ImageReader:
    """Reads images of a folder as uint8 [n, height, width, 3].

    Args:
        root: the folder.
        shape: of the network's input.
        broken: hears of images that cannot be decoded; the next one takes their place.
    """

    def __init__(self, root: Path, shape: tuple[int, int, int], broken: Broken) -> None:
        self.root = root
        self.height, self.width, _ = shape
        self.broken = broken

    def training(
        self,
        split: ImageFiles,
        order: NDArray[np.int64],
        size: int,
        steps: int,
        *,
        seed: int,
        epoch: int,
        flip: bool,
    ) -> Iterator[Batch]:
        """An epoch: of each image a random part, stretched to the input, and mirrored or not.

        Args:
            split: the training images.
            order: of the epoch.
            size, steps: images a batch, and batches.
            seed, epoch: of the run; with an image's position they determine its part.
            flip: mirror every image with probability 1/2.
        """
        # Twice as many to spare as may be broken: the spare ones begin with the order again.
        order = np.resize(order, len(order) + 2 * self.broken.at_most)
        place = np.arange(len(order), dtype=np.uint64) * np.uint64(3)
        drawn = [draws(seed, AUGMENTATION + epoch, place + np.uint64(i)) for i in range(3)]
        seeds = np.stack(drawn[:2], 1).view(np.int64)
        mirrored = (drawn[2] >> np.uint64(63)).astype(bool) & flip
        return self._batches(split, order, size, size * steps, self._part, seeds, mirrored)

    def evaluation(self, split: ImageFiles, size: int) -> Iterator[Batch]:
        """All images, in the split's order: the middle of each, after its shorter side is 256/224 of
        the input's; the last batch may be smaller."""
        count = len(split.labels)
        order = np.resize(np.arange(count), count + 2 * self.broken.at_most)
        return self._batches(split, order, size, count, self._middle)

    def _batches(
        self,
        split: ImageFiles,
        order: NDArray[np.int64],
        size: int,
        count: int,
        decode: Callable[..., Any],
        *drawn: NDArray[Any],
    ) -> Iterator[Batch]:
        """The first `count` images of an order that can be decoded."""
        root = tf.constant(f"{self.root}/")

        def read(at: Any, file: Any, label: Any, *drawn: Any) -> Any:
            image = decode(tf.io.read_file(root + file), *drawn)
            image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
            return at, tf.ensure_shape(image, (self.height, self.width, 3)), label

        options = tf.data.Options()
        options.threading.private_threadpool_size = (
            tf.config.threading.get_intra_op_parallelism_threads() or 0
        )
        places = np.arange(len(order))
        batches = (
            tf.data.Dataset.from_tensor_slices(
                (places, split.files[order], split.labels[order], *drawn)
            )
            .map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .ignore_errors()
            .take(count)
            .batch(size)
            .prefetch(AHEAD)
            .with_options(options)
        )
        following, read_so_far = 0, 0
        for at, images, labels in batches.as_numpy_iterator():
            for lost in np.setdiff1d(np.arange(following, at[-1]), at):
                self.broken.add(split.files[order[lost]])
            following, read_so_far = int(at[-1]) + 1, read_so_far + len(at)
            yield images, labels
        if read_so_far < count:
            for lost in range(following, len(order)):
                self.broken.add(split.files[order[lost]])
            raise ConfigError(f"{self.root}: {count} images wanted, {read_so_far} could be read")

    def _part(self, content: Any, seed: Any, mirrored: Any) -> Any:
        """A random part of 8 to 100 % of the area, of a width 3/4 to 4/3 of its height."""
        whole = tf.zeros((1, 0, 4))
        jpeg = tf.io.is_jpeg(content)
        shape = tf.cond(
            jpeg,
            lambda: tf.io.extract_jpeg_shape(content),
            lambda: tf.shape(_decoded(content)),
        )
        begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
            shape,
            whole,
            seed,
            aspect_ratio_range=ASPECT,
            area_range=AREA,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        y, x, _ = tf.unstack(begin)
        height, width, _ = tf.unstack(extent)
        part = tf.cond(
            jpeg,
            lambda: tf.io.decode_and_crop_jpeg(content, [y, x, height, width], channels=3),
            lambda: _decoded(content)[y : y + height, x : x + width],
        )
        part = tf.image.resize(part, (self.height, self.width))
        return tf.cond(mirrored, lambda: tf.reverse(part, [1]), lambda: part)

    def _middle(self, content: Any) -> Any:
        image = _decoded(content)
        sides = tf.cast(tf.shape(image)[:2], tf.float32)
        wanted = tf.constant((self.height, self.width), tf.float32)
        scale = tf.reduce_max(tf.round(wanted * MARGIN) / sides)
        larger = tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), (self.height, self.width))
        image = tf.image.resize(image, larger)
        y, x = tf.unstack((larger - (self.height, self.width)) // 2)
        return image[y : y + self.height, x : x + self.width]


def _decoded(content: Any) -> Any:
    """uint8 [h, w, 3], whatever kind of file it is and whatever colours it has."""
    return tf.io.decode_image(content, channels=3, expand_animations=False)


def _reason(path: Path) -> str:
    """Why an image cannot be decoded; raises InfrastructureError if it can."""
    try:
        _decoded(tf.io.read_file(str(path)))
    except tf.errors.OpError as error:
        return re.sub(r"\{\{.*?\}\} ?|\[Op:.*", "", str(error.message)).splitlines()[0][:120]
    raise InfrastructureError(
        f"{path}: could not be read, and now can: is its disk or network ill?"
    )
