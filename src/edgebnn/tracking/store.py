"""MLflow's store: opened quietly, its SQLite file created whole, one writer at a time.

Processes that meet at a fresh SQLite file race to create its tables and fail. So the file is made
once, under a lock and a temporary name, and takes its final name with its schema complete.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from filelock import FileLock

from edgebnn.errors import ConfigError, EdgebnnError, InfrastructureError
from edgebnn.secrecy import masked
from edgebnn.tracking.database import artifacts_beside, check_and_follow

DEFAULT_URI = "sqlite:///results/mlflow.db"
T = TypeVar("T")
_SQLITE = "sqlite:///"
_STORES_LIBRARIES = (
    "mlflow",
    "sqlalchemy",
    "alembic",
    "requests",
    "urllib3",
    "psycopg2",
    "pymysql",
)
"""Whose errors say that a store cannot be used."""


@contextmanager
def open_store(uri: str) -> Iterator[Any]:
    """An `mlflow.MlflowClient` for a tracking URI; for a SQLite file, its only writer meanwhile.

    Raises:
        ConfigError: the URI is none, or a driver is missing; credentials in it are hidden.
        InfrastructureError: the store cannot be made or reached.
    """
    try:
        urlsplit(uri)
    except ValueError as error:
        raise ConfigError(f"MLFLOW_TRACKING_URI: {shown(uri)}: no address: {error}") from error
    _be_quiet()
    from mlflow import MlflowClient

    with _sole_writer(uri):
        try:
            yield MlflowClient(tracking_uri=uri)
        except Exception as error:
            if isinstance(error, EdgebnnError):
                raise
            if isinstance(error, ModuleNotFoundError) and "://" in uri:
                raise ConfigError(
                    f"MLflow at {shown(uri)}: {error}; install that database's driver"
                ) from error
            if type(error).__module__.partition(".")[0] not in _STORES_LIBRARIES:
                raise
            said = str(error).partition("\n")[0]  # the statement that failed comes below
            if "error code 401" in said:
                said = (
                    "it does not let this user in: it goes by MLFLOW_TRACKING_USERNAME and "
                    "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
                )
            raise InfrastructureError(f"MLflow at {shown(uri)}: {said}") from error


def experiment_id(client: Any, uri: str, name: str) -> str:
    """The id of an MLflow experiment, which is created where missing.

    A SQLite store's artifacts go beside it, into `mlartifacts`; a server decides for itself.

    Raises:
        ConfigError: someone deleted the experiment.
    """
    database = database_of(uri)
    place = None if database is None else (artifacts_beside(database) / name).as_uri()
    # The tag by which the UI opens on training runs, not on language models' traces.
    kind = {"mlflow.experimentKind": "custom_model_development"}

    def get_or_create() -> Any:
        return client.get_experiment_by_name(name) or client.get_experiment(
            client.create_experiment(name, artifact_location=place, tags=kind)
        )

    found = twice(get_or_create)
    if found.lifecycle_stage != "active":
        raise ConfigError(
            f"MLflow at {shown(uri)}: experiment '{name}' was deleted; bring it back with "
            f"'mlflow experiments restore -x {found.experiment_id}', or give the study another name"
        )
    return str(found.experiment_id)


def twice(call: Callable[[], T]) -> T:
    """Calls again what a server refused: of two that add the same row at once, it refuses one, which
    finds the other's row when it comes again."""
    from mlflow.exceptions import RestException

    try:
        return call()
    except RestException:
        return call()


def handed_on(default: str) -> str:
    """Sets MLFLOW_TRACKING_URI for what this process starts, unless it is set: a store's address may hold
    a password, and the environment is where no one else reads it. Returns it as it may be shown."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default
    os.environ["MLFLOW_TRACKING_URI"] = uri
    return shown(uri)


def shown(uri: str) -> str:
    """A tracking URI for messages and files: without user, password and token."""
    return masked(uri)


def database_of(uri: str) -> Path | None:
    """The file of a SQLite URI, absolute; None for other stores."""
    name = uri.removeprefix(_SQLITE).partition("?")[0]
    return Path(name).absolute() if uri.startswith(_SQLITE) and name else None


@contextmanager
def _sole_writer(uri: str) -> Iterator[None]:
    database = database_of(uri)
    if database is None:
        yield
        return
    lock = FileLock(database.with_name(f".{database.name}.lock"))
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise InfrastructureError(
            f"{database}: cannot be used: {error.strerror}; a store needs a folder that can be "
            f"written (--tracking-uri, MLFLOW_TRACKING_URI)"
        ) from error
    with lock:
        lock.release()  # the `with` holds it too
        if database.exists():
            check_and_follow(database)
        else:
            _create(database)
        yield


def _create(database: Path) -> None:
    part = database.with_name(f".{database.name}.part")
    part.unlink(missing_ok=True)
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    try:
        artifacts = artifacts_beside(database).as_uri()
        with _synced_at_the_end(part):
            SqlAlchemyStore(f"{_SQLITE}{part}", artifacts).engine.dispose()
    except Exception as error:  # MLflow's, SQLAlchemy's, Alembic's
        part.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0]  # the statement that failed comes below
        raise InfrastructureError(
            f"{database}: MLflow could not create its database: {reason}"
        ) from error
    part.replace(database)


@contextmanager
def _synced_at_the_end(part: Path) -> Iterator[None]:
    """MLflow makes its tables in a few hundred transactions, each of which SQLite would wait for the disk to
    have: seconds for a file that counts for nothing until it has its name. It is synced once."""
    from sqlalchemy import Engine, event

    def hurry(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")

    event.listen(Engine, "connect", hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", hurry)
    with part.open("rb") as made:
        os.fsync(made.fileno())


def _be_quiet() -> None:
    """No run addresses on standard output, no migration log, no usage statistics; an unreachable server
    is said to be one within seconds."""
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.tracking"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry; the last error says it all
