"""A data set is looked at before it is trained on: all its arrays, each mistake in a line of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edgebnn.data.images import DARK, check_pixels, image_shape
from edgebnn.data.labels import absent_classes, check_labels, counted_from, one_an_image
from edgebnn.data.npz import VALIDATION
from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edgebnn.data.npz import Head

    Shape = tuple[int, int, int]

LABELS = 256
"""Values that a stored label can have."""
VALIDATION_SHARE = 1 / 12
"""Of the training images: 5,000 of MNIST's 60,000."""
FEWEST = 7
"""Training images of which one is held out."""

T = TypeVar("T")


@dataclass(frozen=True)
class Expected:
    """What a data set known by name must be."""

    shape: Shape
    classes: int
    ten: str = ""
    """What its own files do with the label `classes`; or empty."""


@dataclass(frozen=True)
class Seen:
    """What a data set is, and what is odd about it."""

    shape: Shape
    classes: int
    counts: tuple[int, int, int]
    """Images for training, validation, testing."""
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Unchecked:
    """A data set's arrays, before anything is known of them."""

    images: dict[str, Head]
    """x_train, x_test and, if there, x_validation."""
    labels: dict[str, NDArray[Any]]
    """y_train, y_test and, if there, y_validation."""
    load: Callable[[str], NDArray[Any]]
    """Gives an array of `images`."""
    where: str
    """The file."""
    begin: Callable[[str], NDArray[np.uint8]] | None = None
    """Gives the first bytes of an array of `images`."""
    names: dict[str, str] = field(default_factory=dict)
    """What the file calls its arrays."""

    def name(self, array: str) -> str:
        """The file's name for an array."""
        return self.names.get(array, array)

    def called(self, array: str) -> str:
        """How a message about it begins."""
        return f"{self.where}: {self.name(array)}"


def look(arrays: Unchecked, expected: Expected | None, *, pixels: bool = False) -> Seen:
    """Looks at axes, types and labels; at all pixels too if asked, or where their type is wrong.

    Args:
        arrays: of the data set.
        expected: of a data set known by name.
        pixels: whether to look at all pixels.

    Raises:
        ConfigError: a line for each array that is wrong: what was found, what is wanted, what mends it.
    """
    problems: list[str] = []
    remarks: list[str] = []
    labels: dict[str, NDArray[Any]] = {}
    shapes: dict[str, Shape] = {}

    def attempt(part: Callable[..., T], *given: Any) -> T | None:
        try:
            return part(*given)
        except ConfigError as error:
            problems.append(str(error))
            return None

    for x, head in arrays.images.items():
        y = f"y{x[1:]}"
        found = arrays.labels[y]
        flat = attempt(one_an_image, found, arrays.called(y))
        if head.dtype != np.uint8 or pixels or _dark(arrays, x):
            remarks += attempt(_pixels, arrays, x) or []
        count = len(flat) if flat is not None else len(found) if found.ndim else 1
        shape = attempt(image_shape, head.shape, count, arrays.called(x))
        if shape is not None:
            shapes[x] = shape
        if flat is not None:
            labels[arrays.name(y)] = flat
        if shape is not None and flat is not None:
            attempt(_check_count, arrays, x, len(flat))
    problems += _other_shapes(arrays, shapes, expected)
    hint = counted_from(
        labels, expected.classes if expected else None, expected.ten if expected else ""
    )
    for name, found in labels.items():
        most = expected.classes if expected else LABELS
        attempt(check_labels, found, most, f"{arrays.where}: {name}", hint)
        if hint and not expected and len(found) and name == next(iter(labels)):
            problems.append(
                f"{arrays.where}: {name}: found labels {found.min()} to {found.max()}, wanted from 0; {hint}"
            )
    if problems:
        raise ConfigError("\n".join(problems))
    classes = expected.classes if expected else 1 + max(int(y.max()) for y in labels.values())
    if classes < 2:
        raise ConfigError(
            f"{arrays.where}: all labels are 0: one class alone; wanted are two or more"
        )
    remarks += absent_classes(labels, classes, arrays.where, renumber=expected is None)
    counts = split_counts({x: head.shape[0] for x, head in arrays.images.items()})
    return Seen(shapes["x_train"], classes, counts, tuple(remarks))


def split_counts(images: dict[str, int]) -> tuple[int, int, int]:
    """Images for training, validation and testing: without a validation set of its own, the training
    set gives a share."""
    train, test = images["x_train"], images["x_test"]
    own = images.get(VALIDATION[0])
    held_out = round(train * VALIDATION_SHARE) if own is None else 0
    return train - held_out, held_out if own is None else own, test


def check_counts(counts: tuple[int, int, int], batch_size: int, where: str) -> None:
    """Refuses what no engine can train on and evaluate.

    Args:
        counts: images for training, validation, testing.
        batch_size: images a step; an incomplete batch is dropped.
        where: begins the message.

    Raises:
        ConfigError: how many there are, and how many are needed.
    """
    for name, count in zip(("training", "validation", "testing"), counts, strict=True):
        if not count:
            needed = (
                f"; {FEWEST} training images or more are needed, of which a twelfth is held out, or "
                f"a validation set of its own (x_val, y_val)"
                if name == "validation"
                else ""
            )
            raise ConfigError(
                f"{where}: no images for {name}, and {counts[0]} for training{needed}"
            )
    if counts[0] < batch_size:
        raise ConfigError(
            f"{where}: batch_size {batch_size} is more than the {counts[0]} images for training "
            f"({counts[1]} are for validation): not one batch; needed is a batch_size of {counts[0]} or less"
        )


def _dark(arrays: Unchecked, x: str) -> bool:
    """Whether an array begins with dark pixels; the others are to be looked at then."""
    begin = arrays.begin and arrays.begin(x)
    return begin is not None and int(begin.max(initial=0)) < DARK


def _pixels(arrays: Unchecked, x: str) -> list[str]:
    return check_pixels(arrays.load(x), arrays.called(x))


def _check_count(arrays: Unchecked, x: str, labels: int) -> None:
    images = arrays.images[x].shape[0]
    if images != labels:
        raise ConfigError(
            f"{arrays.where}: {images} images in {arrays.name(x)}, {labels} labels in "
            f"{arrays.name(f'y{x[1:]}')}; wanted one label an image"
        )
    if not images:
        raise ConfigError(f"{arrays.called(x)}: no images")


def _other_shapes(
    arrays: Unchecked, shapes: dict[str, Shape], expected: Expected | None
) -> list[str]:
    if not shapes:
        return []
    first = next(iter(shapes))
    wanted = expected.shape if expected else shapes[first]
    said = "expected" if expected else f"those of {arrays.name(first)} are of"
    return [
        f"{arrays.called(x)}: images of {_by(shape)}, {said} {_by(wanted)}"
        for x, shape in shapes.items()
        if shape != wanted
    ]


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))
