"""Which data sets there are: those known by name, and the .npz files of the user's folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.data.archives import check_labels, read_cifar, read_npz, read_svhn, shape_in_npz
from edgebnn.data.download import Download
from edgebnn.errors import ConfigError
from edgebnn.home import at_home
from edgebnn.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgebnn.data.archives import Arrays

LABELS = 256
"""Values that a stored label can have."""


@dataclass(frozen=True)
class Source:
    """A data set: its images' shape (height, width, channels), classes and official files."""

    shape: tuple[int, int, int]
    classes: int
    files: tuple[Download, ...] = ()
    read: Callable[..., Arrays] = read_npz
    """Of the paths of `files`."""


DATASETS = {
    "digits": Source((8, 8, 1), 10),
    "mnist": Source(
        (28, 28, 1),
        10,
        (
            Download(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            ),
        ),
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
    ),
    "imagenet": Source((224, 224, 3), 1000),
}


def source_of(name: str, data_dir: Path | None) -> Source:
    """A data set by name: one of DATASETS, or an .npz file of the user's folder.

    Such a file's images are of the shape that its x_train has, its classes 0 to the largest label.

    Raises:
        ConfigError: neither, with the names that there are; or the file cannot be read.
    """
    if name in DATASETS:
        return DATASETS[name]
    local = sorted(path.stem for path in data_dir.glob("*.npz")) if data_dir else []
    if data_dir is None or name not in local:
        known = [*DATASETS, *(stem for stem in local if stem not in DATASETS)]
        folder = data_dir or "the folder that data_dir or EDGEBNN_DATA_DIR names"
        raise ConfigError(
            f"unknown data set '{name}'{nearest(name, known)}; data sets are {', '.join(known)}"
            f" (any .npz file of {folder} is one)"
        )
    path = data_dir / f"{name}.npz"
    shape = shape_in_npz(path, "x_train")
    if len(shape) == 3:
        shape = (*shape, 1)
    if len(shape) != 4:
        raise ConfigError(
            f"{path}: x_train: {len(shape)} axes, must be images, height, width and, in colour, channels"
        )
    labels = read_npz(path, ("y_train", "y_test"))
    for side, found in labels.items():
        check_labels(found, LABELS, f"{path}: {side}")
    classes = max(int(found.max(initial=0)) for found in labels.values()) + 1
    return Source((shape[1], shape[2], shape[3]), classes)


def data_folder(given: str | Path | None) -> Path | None:
    """The user's folder of data sets: EDGEBNN_DATA_DIR, else `given`."""
    folder = os.environ.get("EDGEBNN_DATA_DIR") or given
    return Path(at_home(str(folder))) if folder else None
