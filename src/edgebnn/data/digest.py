"""Which bytes a data set is: a digest of its files, the same wherever they are and whenever they were touched.

A large file is read once: its digest is kept in the cache folder beside what tells that it changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.data.datasets import default_cache
from edgebnn.errors import ConfigError, EdgebnnError
from edgebnn.record import atomic_write, file_sha256

if TYPE_CHECKING:
    from edgebnn.data.sources import Source

DIGITS = 16
"""Hexadecimal digits of a digest."""
ABSENT = "absent"
"""Instead of a digest: the data set is not at hand."""
LARGE = 1 << 26
"""Bytes from which on a file's digest is kept."""
SETTLED_S = 2.0
"""Age from which on no second change can hide behind the same time stamp."""

_IN_SKLEARN = Path("datasets", "data", "digits.csv.gz")


def digest_of(name: str, source: Source, data_dir: Path | None) -> str:
    """The digest of a data set's bytes: of the user's file, of the official ones, or of the package's.
    A folder of images has one of its images' names and sizes.

    Raises:
        ConfigError: the user's file cannot be read.
    """
    if source.folder is not None:
        return source.folder.digest
    if source.local and data_dir is not None:
        return _digest_of_file(data_dir / f"{name}.npz")
    if len(source.files) == 1:
        return source.files[0].sha256[:DIGITS]
    if source.files:
        every = "".join(file.sha256 for file in source.files)
        return hashlib.sha256(every.encode()).hexdigest()[:DIGITS]
    if name == "digits" and (package := find_spec("sklearn")) and package.origin:
        return _digest_of_file(Path(package.origin).parent / _IN_SKLEARN)
    return ABSENT


def check_digest(name: str, source: Source, data_dir: Path | None, planned: str | None) -> None:
    """Raises ConfigError if a data set is no longer the one that was planned with."""
    found = digest_of(name, source, data_dir)
    if planned and found != planned:
        raise ConfigError(
            f"data set '{name}' changed since the study was planned (its digest was {planned}, "
            f"is {found}); run again"
        )


def _digest_of_file(path: Path) -> str:
    try:
        stat = path.stat()
        if stat.st_size < LARGE:
            return file_sha256(path)[:DIGITS]
        # The time of the last change of the file's state cannot be set, unlike that of its content.
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        kept = _kept()
        key = str(path.resolve())
        if kept.get(key, [])[:-1] == state:
            return str(kept[key][-1])
        found = file_sha256(path)[:DIGITS]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if time.time() - max(stat.st_mtime, stat.st_ctime) > SETTLED_S:
        with (
            suppress(OSError, EdgebnnError),
            atomic_write(default_cache() / "digests.json") as file,
        ):
            file.write(json.dumps(kept | {key: [*state, found]}).encode())
    return found


def _kept() -> dict[str, list[int | str]]:
    try:
        kept = json.loads((default_cache() / "digests.json").read_bytes())
    except (OSError, ValueError, EdgebnnError):
        return {}
    return kept if isinstance(kept, dict) else {}
