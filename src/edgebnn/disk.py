"""What a disk refuses, and what its user can do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from edgebnn.errors import InfrastructureError

_FULL = "make room on that disk; what is finished is kept"
_CLOSED = "choose a folder that you may write to (a study's: `results:`)"
_PLACE = (
    "something else stands in that place: move it, or choose another folder (a study's: `results:`)"
)

DISK_ERRORS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "the system's limit for a file's size is reached (ulimit -f)",
    errno.EIO: "the disk has faults: look at the system's log",
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.ENOTDIR: _PLACE,
    errno.EISDIR: _PLACE,
    errno.EEXIST: _PLACE,
    errno.ENOENT: _CLOSED,
    errno.ELOOP: _PLACE,
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ESTALE: "the network disk is gone: mount it again",
}
"""Error number -> what to do."""


def cannot_write(path: Path, error: OSError) -> InfrastructureError:
    """The error to raise for a file that a disk refuses, of an error number among DISK_ERRORS."""
    return InfrastructureError(
        f"{path}: cannot be written: {error.strerror}; {DISK_ERRORS[error.errno or 0]}"
    )


def check_folder(path: Path) -> None:
    """Looks whether a folder is there, or could be made.

    Raises:
        InfrastructureError: a file, a link to nowhere or in a circle stands there or above, or a name is
            too long.
    """
    for place in (path, *path.parents):
        try:
            if place.is_symlink() or place.exists():
                os.listdir(place)  # noqa: PTH208 - says what is wrong
                return
        except PermissionError:
            return  # it is there
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            raise cannot_write(place, error) from None
