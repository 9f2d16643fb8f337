"""A folder of images as a data set: what is in it, without opening an image.

    train/<class>/*.JPEG    classes are numbered in the order of their folders' names
    val/<class>/*.JPEG      the test images; or val/*.JPEG and, beside val/, val.txt: `name class` a line

Images are .jpeg, .jpg or .png files, in capitals or not. Validation images are held out of train/.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from edgebnn.data.look import VALIDATION_SHARE
from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Sizes = dict[str, int]
    """Bytes of each image, by its name."""

ENDINGS = (".jpeg", ".jpg", ".png")
LIST = "val.txt"
HELD_OUT = 50
"""Validation images of a class at most: as many as ImageNet has to test on."""
SHOWN = 5
"""Mistakes of one kind that a message names."""


@dataclass(frozen=True)
class ImageFolder:
    """What a folder of images is."""

    root: Path
    classes: tuple[str, ...]
    counts: tuple[int, int, int]
    """Images for training, validation, testing."""
    digest: str
    """SHA-256 of the images' names and sizes, and of val.txt: of their content, reading all of it would
    take hours."""
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """All images of a folder, by paths from its root, sorted."""

    classes: tuple[str, ...]
    train: tuple[Sizes, ...]
    """By class."""
    test: dict[str, tuple[int, int]]
    """Class and size."""
    labelled: bytes
    """What val.txt holds; empty if there is none."""
    remarks: tuple[str, ...]


def image_folder(root: Path) -> ImageFolder:
    """What is in a folder, looked at once a process as long as its folders stay as they are.

    Raises:
        ConfigError: a line for each mistake.
    """
    return _summary(root, _state(root))


def held_out(images: Iterable[str], count: int) -> set[str]:
    """The `count` of a class's images that validate: those whose path has the smallest CRC-32."""
    ranked = sorted(images, key=lambda path: (zlib.crc32(os.fsencode(path)), path))
    return set(ranked[:count])


def held_out_of(images: int) -> int:
    """How many of a class's images validate."""
    return min(round(images * VALIDATION_SHARE), HELD_OUT)


def list_images(root: Path) -> Listing:
    """Every image's path and size. Where the system has the folders in memory, 133,000 took 1.5 s on a
    busy machine, so ImageNet's 1.33 million take about 15 s; from a disk, or over a network, it is longer.

    Raises:
        ConfigError: a line for each mistake.
    """
    for part in ("train", "val"):
        if not (root / part).is_dir():
            raise ConfigError(
                f"{root}: no folder {part}/; wanted are train/<class>/*.JPEG, and val/<class>/*.JPEG or "
                f"val/*.JPEG with {LIST}"
            )
    problems: list[str] = []
    ignored: Counter[str] = Counter()
    classes = tuple(_folders(root / "train"))
    if len(classes) < 2:
        problems.append(
            f"{root}/train: found {len(classes)} folders of classes, wanted are 2 or more"
        )
    train = tuple(_images(root, f"train/{name}", ignored) for name in classes)
    empty = [name for name, images in zip(classes, train, strict=True) if not images]
    problems += _named(f"{root}/train", empty, "no image of class")
    if train and not any(map(held_out_of, map(len, train))):
        problems.append(
            f"{root}/train: no class has 7 images or more, to hold out a twelfth of them"
        )
    labelled = b""
    if _folders(root / "val"):
        test = _test_by_class(root, classes, problems, ignored)
    else:
        labelled, test = _test_by_list(root, classes, problems, ignored)
    if not test and not problems:
        problems.append(f"{root}/val: no images")
    if problems:
        raise ConfigError("\n".join(problems))
    remarks = [f"{root}/{place}: {count} files are passed over" for place, count in ignored.items()]
    absent = set(range(len(classes))) - {label for label, _ in test.values()}
    if absent:
        remarks.append(f"{root}/val: no image of {len(absent)} of {len(classes)} classes")
    return Listing(classes, train, test, labelled, tuple(remarks))


@lru_cache(maxsize=8)
def _summary(root: Path, state: tuple[int, ...]) -> ImageFolder:
    listing = list_images(root)
    digest = hashlib.sha256(listing.labelled)
    for images in listing.train:
        digest.update(b"".join(os.fsencode(f"{path}\0{size}\n") for path, size in images.items()))
    for path, (_, size) in listing.test.items():
        digest.update(os.fsencode(f"{path}\0{size}\n"))
    held = [held_out_of(len(images)) for images in listing.train]
    train = sum(map(len, listing.train)) - sum(held)
    counts = (train, sum(held), len(listing.test))
    return ImageFolder(root, listing.classes, counts, digest.hexdigest()[:16], listing.remarks)


def _state(root: Path) -> tuple[int, ...]:
    """What tells that an image came or went: of val.txt, train/, val/ and the folders in them."""
    state: list[int] = []
    for place in (root, root / "train", root / "val"):
        try:
            with os.scandir(place) as entries:
                found = sorted((e for e in entries if place != root or e.name == LIST), key=_name)
            stats = [place.stat(), *(e.stat() for e in found if place == root or e.is_dir())]
        except OSError:
            continue  # list_images says what is missing
        for stat in stats:
            state += (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_size)
    return tuple(state)


def _folders(place: Path) -> list[str]:
    try:
        with os.scandir(place) as entries:
            return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError as error:
        raise ConfigError(f"{place}: cannot be read: {error.strerror}") from None


def _images(root: Path, place: str, ignored: Counter[str]) -> Sizes:
    """The images of one folder; counts other files, but for hidden ones."""
    found = {}
    try:
        with os.scandir(root / place) as entries:
            for entry in entries:
                if entry.name.lower().endswith(ENDINGS) and not entry.name.startswith("."):
                    found[f"{place}/{entry.name}"] = entry.stat().st_size
                elif not entry.name.startswith("."):
                    ignored[place] += 1
    except OSError as error:
        where = error.filename or f"{root}/{place}"
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from None
    return dict(sorted(found.items()))


def _test_by_class(
    root: Path, classes: tuple[str, ...], problems: list[str], ignored: Counter[str]
) -> dict[str, tuple[int, int]]:
    label_of = {name: label for label, name in enumerate(classes)}
    test: dict[str, tuple[int, int]] = {}
    unknown = []
    for name in _folders(root / "val"):
        if name not in label_of:
            unknown.append(name)
            continue
        images = _images(root, f"val/{name}", ignored)
        test |= {path: (label_of[name], size) for path, size in images.items()}
    problems += _named(f"{root}/val", unknown, "train/ has no class")
    if loose := _images(root, "val", Counter()):
        ignored["val (images in no folder of a class)"] += len(loose)
    return test


def _test_by_list(
    root: Path, classes: tuple[str, ...], problems: list[str], ignored: Counter[str]
) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """By val.txt, in which a class is its folder's name, or its number from 0."""
    sizes = _images(root, "val", ignored)
    file = root / LIST
    try:
        content = file.read_bytes()
    except OSError as error:
        problems.append(
            f"{file}: {error.strerror}; {root}/val has no folders of classes, so wanted is a list beside "
            f"it, `name class` a line"
        )
        return b"", {}
    label_of = {str(label): label for label in range(len(classes))}
    label_of |= {name: label for label, name in enumerate(classes)}
    test: dict[str, tuple[int, int]] = {}
    wrong: dict[str, list[str]] = {}
    text = os.fsdecode(content.removeprefix(codecs.BOM_UTF8))
    for number, line in enumerate(text.splitlines(), 1):
        words = _words(line, label_of)
        if not words:
            continue
        path = f"val/{words[0]}"
        if len(words) != 2:
            wrong.setdefault("wanted is `name class`, found", []).append(f"line {number}: {line!r}")
        elif path not in sizes:
            wrong.setdefault("no such image in val/", []).append(f"line {number}: {words[0]}")
        elif words[1] not in label_of:
            wrong.setdefault("train/ has no class", []).append(f"line {number}: {words[1]}")
        elif path in test:
            wrong.setdefault("stands there before", []).append(f"line {number}: {words[0]}")
        else:
            test[path] = (label_of[words[1]], sizes[path])
    for what, found in wrong.items():
        problems += _named(str(file), found, what)
    if not test and not wrong:
        problems.append(f"{file}: names no image")
    elif len(test) < len(sizes) and not wrong:
        ignored[f"val (images that {LIST} does not name)"] += len(sizes) - len(test)
    return content, dict(sorted(test.items()))


def _words(line: str, label_of: dict[str, int]) -> list[str]:
    """`name class` in its two parts, either of which may have spaces; else what there is."""
    line = line.strip()
    for space in re.finditer(r"\s+", line):
        if line[space.end() :] in label_of:
            return [line[: space.start()], line[space.end() :]]
    return line.rsplit(maxsplit=1)


def _named(where: str, found: list[str], what: str) -> list[str]:
    """A mistake, with the first places of it."""
    if not found:
        return []
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return [f"{where}: {what}: {', '.join(found[:SHOWN])}{more}"]


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
