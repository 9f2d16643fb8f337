"""Which data sets there are: those known by name, and the .npz files and folders of images of the user's folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.data.archives import read_cifar, read_svhn
from edgebnn.data.download import Download
from edgebnn.data.image_folder import ImageFolder, image_folder
from edgebnn.data.look import LABELS, Expected, Unchecked, check_counts, look
from edgebnn.data.npz import begins_with, heads_in, names_in, read_npz
from edgebnn.errors import ConfigError
from edgebnn.home import at_home
from edgebnn.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edgebnn.data import npz


@dataclass(frozen=True)
class Source:
    """A data set: its images' shape (height, width, channels), classes and official files."""

    shape: tuple[int, int, int] | None
    """None: the model's own; images of a folder are cut to it."""
    classes: int
    files: tuple[Download, ...] = ()
    read: Callable[..., npz.Arrays] = read_npz
    """Of the paths of `files`."""
    counts: tuple[int, int, int] | None = None
    """Images for training, validation, testing; None: not known before the files are there."""
    ten: str = ""
    """What the official files do with the label `classes`."""
    at_home: bool = False
    """Whether it comes from the user's folder alone: no official file can be had."""
    local: bool = False
    """Whether it is a file of the user's folder."""
    own: bool = False
    """Whether such a file alone says what it is, and no name does."""
    remarks: tuple[str, ...] = ()
    """What is odd about such a file, and can be trained on all the same."""
    folder: ImageFolder | None = None
    """Of images, of the user's folder."""

    @property
    def expected(self) -> Expected | None:
        """What its arrays must be; None if they say so themselves."""
        if self.own or self.shape is None:
            return None
        return Expected(self.shape, self.classes, self.ten)

    def check_batch(self, name: str, batch_size: int, where: str) -> None:
        """Raises ConfigError if the data set `name` has less than a batch, or nothing to evaluate on,
        or more classes than labels can tell apart."""
        if self.local and self.classes > LABELS:
            raise ConfigError(
                f"{where}: data set '{name}': {self.classes} classes; labels of at most {LABELS} can be trained on"
            )
        if self.counts is not None:
            check_counts(self.counts, batch_size, f"{where}: data set '{name}'")


DATASETS = {
    "digits": Source((8, 8, 1), 10, counts=(1318, 120, 359)),
    "mnist": Source(
        (28, 28, 1),
        10,
        (
            Download(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            ),
        ),
        counts=(55000, 5000, 10000),
    ),
    "cifar10": Source(
        (32, 32, 3),
        10,
        (
            Download(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        read_cifar,
        counts=(45833, 4167, 10000),
    ),
    "svhn": Source(  # the cropped digits, without the `extra` ones
        (32, 32, 3),
        10,
        (
            Download(
                "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
                "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            ),
            Download(
                "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
                "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
            ),
        ),
        read_svhn,
        counts=(67152, 6105, 26032),
        ten="10 stands for the digit 0 in SVHN's files: y % 10",
    ),
    "imagenet": Source((224, 224, 3), 1000, at_home=True),
}


def source_of(name: str, data_dir: Path | None) -> Source:
    """A data set by name: one of DATASETS, or an .npz file or a folder of images of the user's folder.

    Such a file is looked at, but for its pixels. Its images are of the shape that x_train has, its
    classes 0 to the largest label. A folder's classes are the folders in its train/.

    Raises:
        ConfigError: neither, with the names that there are; or the file is not what it should be.
    """
    local = sorted(path.stem for path in data_dir.glob("*.npz")) if data_dir else []
    if data_dir is not None and name in local:
        return _seen(data_dir / f"{name}.npz", DATASETS.get(name))
    known = DATASETS.get(name)
    if data_dir is not None and (known is None or known.at_home) and (data_dir / name).is_dir():
        found = image_folder(data_dir / name)
        return Source(
            None, len(found.classes), counts=found.counts, remarks=found.remarks, folder=found
        )
    if known is not None:
        return known
    folders = sorted(p.parent.name for p in data_dir.glob("*/train")) if data_dir else []
    names = list(dict.fromkeys([*DATASETS, *local, *folders]))
    folder = data_dir or "the folder that data_dir or EDGEBNN_DATA_DIR names"
    raise ConfigError(
        f"unknown data set '{name}'{nearest(name, names)}; data sets are {', '.join(names)}"
        f" (any .npz file of {folder} is one, and any folder there that holds train/ and val/)"
    )


def how_to_give(name: str, data_dir: Path | None) -> str:
    """What a user can do who has a data set's images."""
    folder = data_dir or "a folder of yours and name it as data_dir or in EDGEBNN_DATA_DIR"
    known = DATASETS.get(name)
    if known and known.at_home:
        return (
            f"put a folder {name}/ (train/<class>/*.JPEG, and val/<class>/*.JPEG or val/*.JPEG with "
            f"val.txt) into {folder}"
        )
    return f"put {name}.npz (arrays x_train, y_train, x_test, y_test) into {folder}"


def _seen(path: Path, known: Source | None) -> Source:
    """The user's file: in place of a data set known by name, or one of its own."""
    heads = heads_in(path)
    names = names_in(path, heads)
    labels = tuple(name for place, name in names.items() if place.startswith("y"))
    found = read_npz(path, labels)
    arrays = Unchecked(
        {place: heads[name] for place, name in names.items() if place.startswith("x")},
        {place: found[name] for place, name in names.items() if name in found},
        lambda place: read_npz(path, (names[place],))[names[place]],
        str(path),
        lambda place: begins_with(path, names[place]),
        names,
    )
    seen = look(arrays, known.expected if known else None)
    source = known or Source(seen.shape, seen.classes, own=True)
    return replace(source, counts=seen.counts, remarks=seen.remarks, local=True)


def remarks_on(names: Iterable[str], data_dir: Path | None) -> list[str]:
    """What is odd about these data sets, and can be trained on all the same; raises ConfigError."""
    return [remark for name in sorted(set(names)) for remark in source_of(name, data_dir).remarks]


def data_folder(given: str | Path | None) -> Path | None:
    """The user's folder of data sets: EDGEBNN_DATA_DIR, else `given`."""
    folder = os.environ.get("EDGEBNN_DATA_DIR") or given
    return Path(at_home(str(folder))) if folder else None


def check_data_folder(given: str | Path | None) -> None:
    """Raises ConfigError if the user's folder of data sets is none, or cannot be read: without it, data
    sets of the same names would be taken from elsewhere."""
    folder = data_folder(given)
    if folder is None:
        return
    try:
        os.listdir(folder)  # noqa: PTH208 - glob passes over what it cannot read
    except OSError as error:
        key = "EDGEBNN_DATA_DIR" if os.environ.get("EDGEBNN_DATA_DIR") else "data_dir"
        raise ConfigError(f"{key}: {folder}: {error.strerror}; wanted is a folder") from None
