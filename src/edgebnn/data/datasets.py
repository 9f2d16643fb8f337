"""Data sets: got, checked, split, and the packed file that both engines read.

A data set is taken, in this order, from the user's folder (`data_dir`, or EDGEBNN_DATA_DIR) if that
holds `<name>.npz` (npz.py: its arrays' names); from inside scikit-learn (`digits`); from
the cache; from its official address, with its checksum verified (download.py). The packed file's
layout is in docs/formats.md.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebnn.data.labels import check_labels
from edgebnn.data.look import LABELS, Unchecked, check_counts, look
from edgebnn.data.npz import Head, heads_in, names_in, read_npz
from edgebnn.data.sources import Source, how_to_give, source_of
from edgebnn.errors import ConfigError
from edgebnn.home import at_home
from edgebnn.record import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebnn.data.download import Progress
    from edgebnn.data.npz import Arrays

    Bytes = NDArray[np.uint8]

MAGIC = b"EDGEBNND"
HEADER = struct.Struct("<8s9I16x")
"""magic, version, height, width, channels, classes, train, validation, test, payload's CRC-32."""
HEADER_BYTES = 64
SPLIT_SEED = 20210628
"""Of the permutation that chooses the validation images; the same for every run."""


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
    progress: Progress | None = None,
) -> Packed:
    """A data set by name, checked and split.

    Args:
        name: one of DATASETS, or of an .npz file of `data_dir`.
        data_dir: the user's folder of .npz files, or None.
        cache: where downloads are kept.
        progress: hears of downloads.

    Raises:
        ConfigError: an unknown name; the files are not what they should be; or there is nothing to
            be had and the message says what to put where.
        InfrastructureError: the download failed.
    """
    source = source_of(name, data_dir)
    if data_dir is not None and not data_dir.is_dir():
        print(f"data_dir: no such folder: {data_dir}; looking elsewhere")
    if data_dir is not None and source.local:
        local = data_dir / f"{name}.npz"
        return _split(read_npz(local), source, str(local), names_in(local, heads_in(local)))
    if name == "digits":
        return _split(_digits(), source, "scikit-learn's digits")
    advice = how_to_give(name, data_dir)
    if not source.files:
        raise ConfigError(f"data set '{name}' is not at hand; {advice}")
    paths = [
        file.fetch(cache / name, f"data set '{name}' is not at hand: {advice}", progress)
        for file in source.files
    ]
    return _split(source.read(*paths), source, ", ".join(map(str, paths)))


def default_cache() -> Path:
    """Where downloads are kept: EDGEBNN_CACHE, else edgebnn/ in the user's cache folder."""
    if folder := os.environ.get("EDGEBNN_CACHE"):
        return Path(at_home(folder))
    from pooch import os_cache

    return Path(at_home(str(os_cache("edgebnn"))))


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
        check_labels(labels, classes, str(path))
        splits.append(Split(images, labels))
        offset += count * (size + 1)
    return Packed(classes, *splits)


def _digits() -> Arrays:
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


def _split(
    arrays: Arrays, source: Source, where: str, names: dict[str, str] | None = None
) -> Packed:
    """Looks at all of it, says what is odd, and splits it."""
    images = {name: array for name, array in arrays.items() if name.startswith("x")}
    heads = {name: Head(array.shape, array.dtype) for name, array in images.items()}
    unchecked = Unchecked(heads, arrays, images.__getitem__, where, names=names or {})
    seen = look(unchecked, source.expected, pixels=True)
    check_counts(seen.counts, 1, where)
    most = max(int(arrays[name].max()) for name in arrays if name.startswith("y"))
    if most >= LABELS:
        raise ConfigError(
            f"{where}: label {most}; the packed file holds labels up to {LABELS - 1} alone"
        )
    for remark in seen.remarks:
        print(f"warning: {remark}")
    sides = {
        side: Split(
            arrays[f"x_{side}"].reshape(-1, *seen.shape).astype(np.uint8, copy=False),
            arrays[f"y_{side}"].reshape(-1).astype(np.uint8),
        )
        for side in (name.removeprefix("x_") for name in images)
    }
    if "validation" not in sides:
        sides |= _held_out(sides["train"], seen.counts[1])
    return Packed(source.classes, sides["train"], sides["validation"], sides["test"])


def _held_out(train: Split, count: int) -> dict[str, Split]:
    """The training images without, and the validation images: `count` of them, drawn."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(train.labels))
    pick = {"validation": np.sort(order[:count]), "train": np.sort(order[count:])}
    return {part: Split(train.images[at], train.labels[at]) for part, at in pick.items()}
