"""Archives of NumPy arrays: what is in one, and which of its arrays are the data set's.

Nothing in a file is ever executed, so no pickles.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.generic]]

NAMES = ("x_train", "y_train", "x_test", "y_test")
VALIDATION = ("x_validation", "y_validation")
"""Arrays that a data set may have besides: a validation set of its own."""

LAYOUTS = (
    ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val"),
    ("X_train", "y_train", "X_test", "y_test", "X_val", "y_val"),
    ("train_images", "train_labels", "test_images", "test_labels", "val_images", "val_labels"),
)
"""How files name the arrays NAMES and VALIDATION; the last is MedMNIST's."""

BEGINNING = 1 << 20
"""Bytes of an array that are looked at where all of them would take long."""

_BROKEN = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # a password
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Head:
    """An array's shape and type, of which only the beginning is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


def heads_in(path: Path) -> dict[str, Head]:
    """The arrays of an .npz archive by name; raises ConfigError."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".npy"):
                    name = member.removesuffix(".npy")
                    with archive.open(member) as file:
                        found[name] = _head(file, name)
    except _BROKEN as error:
        raise _unreadable(path, error) from None
    return found


def names_in(path: Path, heads: dict[str, Head]) -> dict[str, str]:
    """NAMES, and VALIDATION if they are there too, each with its name in the file.

    Raises:
        ConfigError: some are missing; with what is there and what is wanted.
    """
    most = max(LAYOUTS, key=lambda layout: sum(name in heads for name in layout))
    missing = [name for name in most[:4] if name not in heads]
    one_alone = [name for name in most[4:] if name not in heads]
    if not missing and len(one_alone) == 1:
        missing = one_alone
    if missing:
        listed = ", ".join(f"{name} {head}" for name, head in heads.items()) or "none"
        wanted = ", or ".join(", ".join(layout[:4]) for layout in (LAYOUTS[0], LAYOUTS[-1]))
        raise ConfigError(f"{path}: no array '{missing[0]}'; found {listed}; wanted {wanted}")
    count = 4 if one_alone else 6
    return dict(zip((*NAMES, *VALIDATION)[:count], most[:count], strict=True))


def read_npz(path: Path, names: tuple[str, ...] | None = None) -> Arrays:
    """The arrays `names` of an .npz archive, or the data set's under NAMES and VALIDATION; raises ConfigError."""
    heads = heads_in(path)
    places = names_in(path, heads) if names is None else {name: name for name in names}
    for name in places.values():
        if heads[name].dtype.hasobject:
            raise ConfigError(
                f"{path}: {name}: found Python objects, which are not read; wanted an array of numbers. "
                f"Images of one size make one: np.stack(x); labels: np.array(y.tolist())"
            )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {place: archive[name] for place, name in places.items()}
    except _BROKEN as error:
        raise _unreadable(path, error) from None


def begins_with(path: Path, name: str) -> NDArray[np.uint8]:
    """The first BEGINNING bytes of an array, or all; raises ConfigError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            _head(file, name)
            return np.frombuffer(file.read(BEGINNING), np.uint8)
    except _BROKEN as error:
        raise _unreadable(path, error) from None


def _head(file: IO[bytes], name: str) -> Head:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise ValueError(f"of NumPy's format {version[0]}.{version[1]}")
        shape, _, dtype = readers[version](file)
    except ValueError as error:
        raise ValueError(f"array '{name}': {error}") from None
    return Head(shape, dtype)


def _unreadable(path: Path, error: BaseException) -> ConfigError:
    if isinstance(error, OSError) and error.strerror:
        return ConfigError(f"{path}: cannot be read: {error.strerror}")
    return ConfigError(f"{path}: truncated or not an .npz archive: {error}")
