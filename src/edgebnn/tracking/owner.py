"""Whose runs are whose: results folders that log to one store tell their runs apart by a tag.

A results folder has an identity, in its file `.edgebnn-id`: it moves with the folder. A copy of a
folder gets one of its own, unless the store was copied with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.exclusive import exclusive
from edgebnn.record import atomic_write

TAG = "edgebnn.results"
FILE = ".edgebnn-id"


@dataclass(frozen=True)
class Owner:
    """A results folder, before a store."""

    identity: str
    own_store: bool
    """Whether the store lies in the folder: then what has no tag, of earlier versions, is the folder's."""

    def owns(self, run: Any, digest: str | None = None) -> bool:
        """Whether a run of the store is this folder's; without a tag, too, if it logs the same record."""
        tags = run.data.tags
        if TAG in tags:
            return bool(tags[TAG] == self.identity)
        return self.own_store or (digest is not None and tags.get("edgebnn.digest") == digest)


def owner_of(results: Path, database: Path | None) -> Owner:
    """The identity of a results folder, made if it has none.

    Args:
        results: the folder.
        database: the store's file; None for a server.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    results = results.absolute()
    with exclusive(results / FILE, quiet=True):
        return _identified(results, database)


def _identified(results: Path, database: Path | None) -> Owner:
    """The same, by one process at a time: two must not give a folder two identities."""
    own_store = database is not None and database.parent.resolve().is_relative_to(results.resolve())
    identity, place = _read(results)
    copied = (
        identity != ""
        and not own_store
        and place != results
        and _read(place)[0] == identity
        and not place.samefile(results)
    )
    if copied or not identity:
        identity = _write(results, secrets.token_hex(8))
    elif place != results and not place.exists():
        _write(results, identity)
    return Owner(identity, own_store)


def _read(results: Path) -> tuple[str, Path]:
    """The identity and where the folder was when it was written down; empty if there is none."""
    try:
        identity, place = (results / FILE).read_text().splitlines()
    except (OSError, ValueError):
        return "", results
    return identity, Path(place)


def _write(results: Path, identity: str) -> str:
    with atomic_write(results / FILE) as file:
        file.write(f"{identity}\n{results}\n".encode())
    return identity
