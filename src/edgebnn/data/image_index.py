"""The index of a folder of images: their paths and classes, split once and for all; the images stay where they are.

An .npz archive (no pickle; docs/formats.md) in the place of a packed data set.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebnn.data.image_folder import held_out, held_out_of, list_images
from edgebnn.errors import ConfigError
from edgebnn.record import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ImageFiles:
    """Paths (n,), bytes, from the root of the folder, and labels (n,), int32."""

    files: NDArray[np.bytes_]
    labels: NDArray[np.int32]


@dataclass(frozen=True)
class ImageIndex:
    """A folder of images, split once and for all."""

    classes: int
    train: ImageFiles
    validation: ImageFiles
    test: ImageFiles

    def splits(self) -> tuple[ImageFiles, ImageFiles, ImageFiles]:
        """Train, validation, test."""
        return self.train, self.validation, self.test


def index_of(root: Path) -> ImageIndex:
    """Lists a folder and splits it; raises ConfigError."""
    listing = list_images(root)
    train: list[tuple[str, int]] = []
    validation: list[tuple[str, int]] = []
    for label, images in enumerate(listing.train):
        held = held_out(images, held_out_of(len(images)))
        train += [(path, label) for path in images if path not in held]
        validation += [(path, label) for path in images if path in held]
    test = [(path, label) for path, (label, _) in listing.test.items()]
    return ImageIndex(len(listing.classes), *(_files(part) for part in (train, validation, test)))


def write_index(path: Path, index: ImageIndex) -> None:
    """Writes the file; raises InfrastructureError if the disk refuses."""
    arrays: dict[str, Any] = {"classes": np.array(index.classes)}
    for name, split in zip(SPLITS, index.splits(), strict=True):
        arrays |= {f"{name}_files": split.files, f"{name}_labels": split.labels}
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)


def is_index(path: Path) -> bool:
    """Whether a file holds an index, not a packed data set."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def read_index(path: Path) -> ImageIndex:
    """The file's content; raises ConfigError if it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            splits = [ImageFiles(archive[f"{n}_files"], archive[f"{n}_labels"]) for n in SPLITS]
            return ImageIndex(int(archive["classes"]), *splits)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f"{path}: damaged: not an index of images: {error}") from None


def _files(images: list[tuple[str, int]]) -> ImageFiles:
    files = np.array([os.fsencode(path) for path, _ in images])
    return ImageFiles(files, np.array([label for _, label in images], np.int32))
