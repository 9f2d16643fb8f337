"""The SQLite file of a store: whole, or said not to be; and its artifacts follow it when it is moved.

MLflow writes down the folder of each experiment's artifacts as an absolute address. Where that of the
first experiment, which every store has from its beginning, is not the folder beside the file, the
file was moved or copied; then all addresses below the old folder become ones below the new.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgebnn.errors import InfrastructureError

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)


def artifacts_beside(database: Path) -> Path:
    """The folder of a SQLite store's artifacts."""
    return database.parent / "mlartifacts"


def check_and_follow(database: Path) -> None:
    """Checks a store's file, and mends its artifacts' addresses if it was moved.

    Raises:
        InfrastructureError: damaged, locked by another program, or the disk refuses.
    """
    try:
        with closing(sqlite3.connect(database)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found.splitlines()[-1])
            with connection:
                _follow(connection, artifacts_beside(database))
    except sqlite3.OperationalError as error:
        raise InfrastructureError(
            f"{database}: cannot be used: {error}; is its folder writable, is the disk full, does "
            f"another program hold it?"
        ) from error
    except sqlite3.DatabaseError as error:
        raise InfrastructureError(
            f"{database}: damaged ({error}); move it away and run again: what the records hold is "
            f"logged into a new one"
        ) from error


def _follow(connection: sqlite3.Connection, here: Path) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not {table for table, _ in _ADDRESSES} <= tables:
        return
    row = connection.execute(
        "SELECT artifact_location FROM experiments WHERE experiment_id = 0"
    ).fetchone()
    recorded = str(row[0] or "").rpartition("/")[0] if row else ""
    there = Path(unquote(urlsplit(recorded).path))
    if not recorded.startswith("file:") or there == here or there.name != here.name:
        return
    if there.exists() and (not here.exists() or there.samefile(here)):
        return  # the file alone was moved; or two names of one folder
    old, new = f"{recorded}/", f"{here.as_uri()}/"
    for table, column in _ADDRESSES:
        connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
            (new, len(old) + 1, len(old), old),
        )
