"""The official files that data sets come in, read into four arrays.

Each reader returns x_train, x_test (images uint8 [n, h, w, c] or [n, h, w]) and y_train, y_test
(labels) as the file has them; nothing in a file is ever executed, so no pickles.
"""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgebnn.data.npz import Arrays

CIFAR_FOLDER = "cifar-10-batches-bin"
CIFAR_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
CIFAR_TEST = "test_batch.bin"
CIFAR_RECORD = 1 + 3 * 32 * 32
"""Bytes: a label, then the red, the green and the blue plane, row by row."""


def read_cifar(path: Path) -> Arrays:
    """CIFAR-10's binary version, a .tar.gz of batches of records; raises ConfigError."""
    batches: dict[str, NDArray[np.uint8]] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                if folder != CIFAR_FOLDER or name not in (*CIFAR_TRAIN, CIFAR_TEST):
                    continue
                if file := archive.extractfile(member):
                    batches[name] = np.frombuffer(file.read(), np.uint8)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ConfigError(f"{path}: truncated or not a .tar.gz archive: {error}") from None
    for name in (*CIFAR_TRAIN, CIFAR_TEST):
        if name not in batches:
            raise ConfigError(f"{path}: no file '{CIFAR_FOLDER}/{name}'")
        if batches[name].size % CIFAR_RECORD:
            raise ConfigError(
                f"{path}: {CIFAR_FOLDER}/{name}: {batches[name].size} bytes, "
                f"must be a multiple of {CIFAR_RECORD}"
            )
    sides = {
        "train": np.concatenate([batches[name] for name in CIFAR_TRAIN]),
        "test": batches[CIFAR_TEST],
    }
    arrays: Arrays = {}
    for side, content in sides.items():
        records = content.reshape(-1, CIFAR_RECORD)
        arrays[f"x_{side}"] = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"y_{side}"] = records[:, 0]
    return arrays


def read_svhn(train: Path, test: Path) -> Arrays:
    """SVHN's cropped digits, two MATLAB 5 files with X [h, w, c, n] and y [n, 1], in which 10 stands
    for the digit 0; raises ConfigError."""
    from scipy.io import loadmat

    arrays: Arrays = {}
    for side, path in (("train", train), ("test", test)):
        try:
            found = loadmat(path, variable_names=("X", "y"))
        except Exception as error:  # loadmat names no set of errors for content that is wrong
            raise ConfigError(f"{path}: truncated or not a MATLAB 5 file: {error}") from None
        for name in ("X", "y"):
            if name not in found:
                raise ConfigError(f"{path}: no array '{name}'")
        if found["X"].ndim != 4:
            raise ConfigError(
                f"{path}: X: {found['X'].ndim} axes, must be height, width, channels, images"
            )
        arrays[f"x_{side}"] = found["X"].transpose(3, 0, 1, 2)
        arrays[f"y_{side}"] = np.where(found["y"] == 10, 0, found["y"])
    return arrays
