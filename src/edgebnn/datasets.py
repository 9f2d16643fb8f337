"""Data sets: where they come from, how they are checked, and the packed file both engines read.

A data set is taken, in this order, from the user's folder (`data_dir`, or EDGEBNN_DATA_DIR) if that
holds `<name>.npz` with x_train, y_train, x_test, y_test; from inside scikit-learn (`digits`); from
the cache; from its official address, with its checksum verified. The packed file's layout is in
docs/formats.md.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.record import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

MAGIC = b"EDGEBNND"
HEADER = struct.Struct("<8s9I16x")
"""magic, version, height, width, channels, classes, train, validation, test, payload's CRC-32."""
HEADER_BYTES = 64
VALIDATION_SHARE = 1 / 12
"""Of the training images: 5,000 of MNIST's 60,000."""
SPLIT_SEED = 20210628
"""Of the permutation that chooses the validation images; the same for every run."""


@dataclass(frozen=True)
class Source:
    """A known data set: its images' shape (height, width, channels), classes and origin."""

    shape: tuple[int, int, int]
    classes: int
    url: str | None = None
    sha256: str | None = None


DATASETS = {
    "digits": Source((8, 8, 1), 10),
    "mnist": Source(
        (28, 28, 1),
        10,
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    ),
    "cifar10": Source((32, 32, 3), 10),
    "svhn": Source((32, 32, 3), 10),
    "imagenet": Source((224, 224, 3), 1000),
}


@dataclass(frozen=True)
class Split:
    """Images (n, height, width, channels) and their labels (n,), both uint8."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Packed:
    """A data set, split once and for all."""

    classes: int
    train: Split
    validation: Split
    test: Split

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    def splits(self) -> tuple[Split, Split, Split]:
        """Train, validation, test: the file's order."""
        return self.train, self.validation, self.test


def prepare(
    name: str,
    data_dir: Path | None,
    cache: Path,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Packed:
    """A data set by name, checked and split.

    Args:
        name: one of DATASETS.
        data_dir: the user's folder of .npz files, or None.
        cache: where downloads are kept.
        progress: called with (bytes so far, bytes in all or None) while downloading.

    Raises:
        ConfigError: the files are not what they should be, or there is nothing to be had and the
            message says what to put where.
        InfrastructureError: the download failed.
    """
    source = DATASETS[name]
    local = None if data_dir is None else data_dir / f"{name}.npz"
    if data_dir is not None and not data_dir.is_dir():
        print(f"data_dir: no such folder: {data_dir}; looking elsewhere")
    if local is not None and local.exists():
        arrays = _read_npz(local)
        where = str(local)
    elif name == "digits":
        arrays, where = _digits(), "scikit-learn's digits"
    else:
        path = _fetch(name, source, cache, data_dir, progress)
        arrays, where = _read_npz(path), str(path)
    return _split(arrays, source, where)


def default_cache() -> Path:
    """Where downloads are kept: EDGEBNN_CACHE, else edgebnn/ in the user's cache folder."""
    if folder := os.environ.get("EDGEBNN_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgebnn"


def write_packed(path: Path, data: Packed) -> None:
    """Writes the packed file; raises InfrastructureError if the disk refuses."""
    crc = 0
    for split in data.splits():
        crc = zlib.crc32(np.ascontiguousarray(split.images).data, crc)
        crc = zlib.crc32(np.ascontiguousarray(split.labels).data, crc)
    counts = [len(split.labels) for split in data.splits()]
    header = HEADER.pack(MAGIC, 1, *data.shape, data.classes, *counts, crc)
    with atomic_write(path) as file:
        file.write(header + struct.pack("<I", zlib.crc32(header)))
        for split in data.splits():
            file.write(np.ascontiguousarray(split.images).data)
            file.write(np.ascontiguousarray(split.labels).data)


def read_packed(path: Path) -> Packed:
    """The packed file as memory maps, after checking all of it.

    Raises:
        ConfigError: truncated, not a packed data set, damaged, or labels out of range.
    """
    try:
        content = np.memmap(path, np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    if len(content) < HEADER_BYTES:
        raise ConfigError(
            f"{path}: truncated: {len(content)} bytes, the header alone has {HEADER_BYTES}"
        )
    head = content[:HEADER_BYTES].tobytes()
    magic, version, height, width, channels, classes, *counts, crc = HEADER.unpack(
        head[: HEADER.size]
    )
    if magic != MAGIC:
        raise ConfigError(f"{path}: not a packed data set: begins with {magic!r}, not {MAGIC!r}")
    if struct.unpack("<I", head[HEADER.size :])[0] != zlib.crc32(head[: HEADER.size]):
        raise ConfigError(f"{path}: damaged: the header's checksum does not match")
    if version != 1:
        raise ConfigError(f"{path}: version {version}; this edgebnn reads version 1")
    size = height * width * channels
    expected = HEADER_BYTES + sum(counts) * (size + 1)
    if len(content) != expected:
        raise ConfigError(f"{path}: {len(content)} bytes, its header promises {expected}")
    if zlib.crc32(content[HEADER_BYTES:].data) != crc:
        raise ConfigError(f"{path}: damaged: the payload's checksum does not match")
    splits, offset = [], HEADER_BYTES
    for count in counts:
        images = content[offset : offset + count * size].reshape(count, height, width, channels)
        labels = content[offset + count * size : offset + count * (size + 1)]
        _check_labels(labels, classes, str(path))
        splits.append(Split(images, labels))
        offset += count * (size + 1)
    return Packed(classes, *splits)


def _digits() -> dict[str, NDArray[np.generic]]:
    """The UCI digits inside scikit-learn: 1,797 images of 8x8, 17 grey levels; every fifth is a test image."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    test = np.arange(len(labels)) % 5 == 4
    return {
        "x_train": pixels[~test],
        "y_train": labels[~test],
        "x_test": pixels[test],
        "y_test": labels[test],
    }


def _read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive]
            if missing:
                raise ConfigError(
                    f"{path}: no array '{missing[0]}'; found {', '.join(archive.files) or 'none'}"
                )
            return {name: archive[name] for name in names}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f"{path}: truncated or not an .npz archive: {error}") from None


def _split(arrays: dict[str, NDArray[np.generic]], source: Source, where: str) -> Packed:
    sides = {}
    for side in ("train", "test"):
        images, labels = arrays[f"x_{side}"], arrays[f"y_{side}"]
        if images.dtype != np.uint8:
            raise ConfigError(f"{where}: x_{side}: {images.dtype}, pixels must be uint8")
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.shape[1:] != source.shape:
            found, wanted = "x".join(map(str, images.shape[1:])), "x".join(map(str, source.shape))
            raise ConfigError(f"{where}: x_{side}: images of {found}, expected {wanted}")
        labels = labels.reshape(-1)
        if len(labels) != len(images):
            raise ConfigError(
                f"{where}: {len(images)} images in x_{side}, {len(labels)} labels in y_{side}"
            )
        _check_labels(labels, source.classes, f"{where}: y_{side}")
        sides[side] = Split(images.astype(np.uint8, copy=False), labels.astype(np.uint8))
    order = np.random.default_rng(SPLIT_SEED).permutation(len(sides["train"].labels))
    held_out = round(len(order) * VALIDATION_SHARE)
    pick = {"validation": np.sort(order[:held_out]), "train": np.sort(order[held_out:])}
    train, validation = (
        Split(sides["train"].images[pick[part]], sides["train"].labels[pick[part]])
        for part in ("train", "validation")
    )
    return Packed(source.classes, train, validation, sides["test"])


def _check_labels(labels: NDArray[np.generic], classes: int, where: str) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(f"{where}: labels of type {labels.dtype}, must be integers")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))  # type: ignore[operator]
    if len(wrong):
        raise ConfigError(
            f"{where}: label {labels[wrong[0]]} of image {wrong[0]} is out of range; allowed are 0 to {classes - 1}"
        )


def _fetch(
    name: str,
    source: Source,
    cache: Path,
    data_dir: Path | None,
    progress: Callable[[int, int | None], None],
) -> Path:
    """The official archive in the cache, downloaded and verified once."""
    import hashlib
    import urllib.error
    import urllib.request

    cached = cache / f"{name}.npz"
    if cached.exists():
        return cached
    advice = (
        f"put {name}.npz (arrays x_train, y_train, x_test, y_test) into "
        f"{data_dir or 'a folder of yours and name it as data_dir or in EDGEBNN_DATA_DIR'}"
    )
    if source.url is None:
        raise ConfigError(f"data set '{name}' is not at hand; {advice}")
    digest, done = hashlib.sha256(), 0
    try:
        with (
            urllib.request.urlopen(source.url, timeout=30) as response,
            atomic_write(cached) as file,
        ):
            total = int(response.headers.get("Content-Length") or 0) or None
            while chunk := response.read(1 << 18):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                progress(done, total)
            if digest.hexdigest() != source.sha256:
                raise InfrastructureError(
                    f"{source.url}: SHA-256 {digest.hexdigest()}, expected {source.sha256}; "
                    f"nothing was kept; {advice}"
                )
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise InfrastructureError(
            f"data set '{name}' is not at hand and {source.url} cannot be reached ({reason}); {advice}"
        ) from None
    return cached
