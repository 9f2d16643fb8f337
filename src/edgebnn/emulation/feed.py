"""What a run trains and is evaluated on: a packed data set, or a folder of images behind its index.

Nothing here loads the backend before a batch is asked for.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgebnn.data.datasets import Packed, Split, read_packed
from edgebnn.data.image_index import ImageFiles, ImageIndex, is_index, read_index
from edgebnn.data.images import check_pixels
from edgebnn.data.look import check_counts
from edgebnn.errors import ConfigError, EdgebnnError
from edgebnn.study.run import Run

BROKEN_AT_MOST = 10
EVALUATED = 500
"""Images a batch, at most, in evaluation."""


class Feed(ABC):
    """The batches, or micro-batches, of a run: tf.data of (centred float32 [B, h, w, c], int32 [B])."""

    def __init__(self, run: Run, splits: tuple[Any, Any, Any]) -> None:
        self.run = run
        self.splits = splits
        self.passed_over: dict[str, str] = {}
        """Images that cannot be decoded, each with why."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Images for training, validation, testing."""
        train, validation, test = (len(split.labels) for split in self.splits)
        return train, validation, test

    @property
    def test_labels(self) -> NDArray[Any]:
        labels: NDArray[Any] = self.splits[2].labels
        return labels

    def validation(self) -> Any:
        """One pass over the validation images."""
        return self.evaluation(self.splits[1])

    def test(self) -> Any:
        """One pass over the test images."""
        return self.evaluation(self.splits[2])

    @abstractmethod
    def training(self, first_epoch: int, epochs: int) -> Any:
        """Every batch of the epochs from one up to, but without, another, counted from 0."""

    @abstractmethod
    def evaluation(self, split: Any) -> Any:
        """One pass over a split; the last batch may be smaller."""

    def parameters(self) -> dict[str, str | int | float]:
        """What the record says of how images were made, besides the run's own parameters."""
        return {}

    def figures(self) -> dict[str, float]:
        """What the record says of the images that were read."""
        return {}

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        """An error of ours that ended tf.data's reading comes out as itself."""
        yield


class PackedFeed(Feed):
    """Of a packed data set."""

    def __init__(self, run: Run, packed: Packed) -> None:
        super().__init__(run, packed.splits())

    def training(self, first_epoch: int, epochs: int) -> Any:
        from edgebnn.emulation.batches import training_batches

        return training_batches(self.run, self.splits[0], first_epoch, epochs)

    def evaluation(self, split: Split) -> Any:
        from edgebnn.emulation.batches import evaluation_batches

        return evaluation_batches(split, EVALUATED)


class ImageFeed(Feed):
    """Of a folder of images."""

    def __init__(
        self,
        run: Run,
        index: ImageIndex,
        root: Path,
        broken_at_most: int,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(run, index.splits())
        self.root = root
        self.broken_at_most = broken_at_most
        self.say = say
        self.error: EdgebnnError | None = None
        self.reader: Any = None

    def training(self, first_epoch: int, epochs: int) -> Any:
        from edgebnn.emulation.random import permutation

        run, reader, train = self.run, self._reader(), self.splits[0]
        count, seed = len(train.labels), run.seed or 0
        size = run.micro_batch or run.batch_size
        steps = count // run.batch_size * run.micro_batches

        def batches() -> Iterator[Any]:
            for epoch in range(first_epoch, epochs):
                yield from reader.training(
                    train,
                    permutation(seed, epoch, count),
                    size,
                    steps,
                    seed=seed,
                    epoch=epoch,
                    flip=run.augmentation.flip,
                )

        return self._pipeline(batches, size)

    def evaluation(self, split: ImageFiles) -> Any:
        from edgebnn.emulation.batches import one_pass

        run = self.run
        reader, size = self._reader(), min(EVALUATED, run.micro_batch or run.batch_size)
        batches = self._pipeline(lambda: reader.evaluation(split, size), None)
        return one_pass(batches, len(split.labels), size)

    def parameters(self) -> dict[str, str | int | float]:
        return {"augmentation_crop": "true"}

    def figures(self) -> dict[str, float]:
        return {"broken_images": float(len(self.passed_over))}

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            if self.error is None:
                raise
            raise self.error from None

    def _reader(self) -> Any:
        from edgebnn.emulation.image_files import Broken, ImageReader

        if self.reader is None:
            broken = Broken(self.root, self.broken_at_most, self.passed_over, self.say)
            self.reader = ImageReader(self.root, self.run.network.input, broken)
        return self.reader

    def _pipeline(self, batches: Callable[[], Iterator[Any]], size: int | None) -> Any:
        from edgebnn.emulation.batches import pipeline

        def kept() -> Iterator[Any]:
            try:
                yield from batches()
            except EdgebnnError as error:
                self.error = error
                raise

        return pipeline((size, *self.run.network.input), kept, "int32", ahead=1)


def feed_of(
    run: Run,
    data: Path,
    images: Path | None,
    broken_at_most: int,
    say: Callable[[str], None],
) -> Feed:
    """The feed of a run, after checking that its network can take it.

    Args:
        data: the packed data set, or the index of a folder of images.
        images: that folder.
        broken_at_most: images of it that may be passed over.
        say: takes a line for each.

    Raises:
        ConfigError: damaged, or not of the run's shape and classes, or too few images.
    """
    feed: Feed
    if is_index(data):
        index = read_index(data)
        if images is None or not images.is_dir():
            raise ConfigError(
                f"{data}: of a folder of images, which is not there: {images}; name the folder that holds "
                f"it as data_dir or in EDGEBNN_DATA_DIR"
            )
        feed, classes = ImageFeed(run, index, images, broken_at_most, say), index.classes
    else:
        packed = read_packed(data)
        if packed.shape != run.network.input:
            raise ConfigError(
                f"{data}: images of {packed.shape}, but run {run.id} has input {run.network.input}"
            )
        for remark in check_pixels(packed.train.images, f"{data}: training images"):
            print(f"warning: {remark}", file=sys.stderr, flush=True)
        feed, classes = PackedFeed(run, packed), packed.classes
    if classes != run.network.output[0]:
        raise ConfigError(
            f"{data}: {classes} classes, but run {run.id} has {run.network.output[0]} outputs"
        )
    check_counts(feed.counts, run.batch_size, f"{data}: run {run.id}")
    return feed
