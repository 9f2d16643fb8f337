"""The record: the one thing every stage writes and that tracking and report read."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from edgebnn.disk import DISK_ERRORS, cannot_write
from edgebnn.errors import ConfigError
from edgebnn.printable import printable

Source = Literal["measured", "modelled", "estimated"]
"""measured: read off the machine named in the provenance; modelled: a formula's result;
estimated: measured quantities times assumed ones."""

Said = Annotated[str, AfterValidator(printable)]
"""What a machine said: fit for a terminal."""


class Metric(BaseModel):
    """A number, with its unit in its name, and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    value: float
    source: Source


class Artifact(BaseModel):
    """A file that belongs to a record: path relative to the record's folder, and its digest."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    path: str
    sha256: str


class Provenance(BaseModel):
    """Which code ran where."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    git_commit: str
    host: str
    """The machine that computed: a host's kind of machine, or a device's name in the inventory."""
    virtual: bool = False
    """True for a virtual device: its times and energies are the host's, never a board's."""
    machine: Said
    versions: dict[Said, Said]
    started: str
    """UTC, ISO 8601."""
    replaces: str = ""
    """Of a device: when the record was started that this one replaces because the device was changed."""


class Record(BaseModel):
    """The outcome of one run of one stage."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    version: Literal[1] = 1
    stage: str
    run_id: str
    parameters: dict[str, str | int | float]
    metrics: dict[Said, Metric]
    series: dict[Said, list[tuple[float, float]]] = {}
    """name -> (step, value) pairs; the step is an epoch, from 1, unless the name says otherwise."""
    tables: dict[Said, list[dict[Said, Said | float]]] = {}
    """Small tables, row by row: a memory model's variables."""
    artifacts: dict[str, Artifact] = {}
    notes: dict[Said, Said] = {}
    """What is to be said of figures, in words: `throttling`, why `energy` is absent, `outcome`."""
    provenance: Provenance

    def value(self, metric: str) -> float | None:
        """A metric's number, or None if this record has none."""
        found = self.metrics.get(metric)
        return None if found is None else found.value

    @property
    def at_chance(self) -> bool:
        """Whether no test accuracy of a training is above that of guessing the commonest class, by
        more than two standard errors of the latter (docs/formats.md)."""
        guessing, images = self.value("guessing_accuracy"), self.value("test_images")
        reached = [self.value(name) for name in ("test_accuracy_at_best", "test_accuracy")]
        accuracies = [value for value in reached if value is not None]
        if guessing is None or not images or not accuracies:
            return False
        return max(accuracies) <= guessing + 2 * math.sqrt(guessing * (1 - guessing) / images)

    def write(self, path: Path) -> None:
        """Writes the record under its final name only once it is complete and on the disk."""
        with atomic_write(path) as file:
            file.write((self.model_dump_json(indent=1) + "\n").encode())


def read_record(path: Path) -> Record:
    """Reads a record; raises ConfigError naming the file if it is not one."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: not a record: {error.errors()[0]['msg']}") from None


def provenance(started: str, packages: tuple[str, ...] = ()) -> Provenance:
    """Provenance of a computation on this machine.

    Args:
        started: UTC, ISO 8601.
        packages: distributions whose versions matter to the result.
    """
    versions = {"python": platform.python_version(), "edgebnn": _version("edgebnn")}
    versions |= {package: _version(package) for package in packages}
    return Provenance(
        git_commit=git_commit(),
        host="this machine",
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        versions=versions,
        started=started,
    )


def git_commit() -> str:
    """The commit of the working directory, `-dirty` if changed, or `unknown` outside git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes its final name only when complete and synced; else nothing remains.

    Raises:
        InfrastructureError: the disk is full or cannot be written, naming the file.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file() and not path.is_dir():  # it would be replaced
            raise FileExistsError(errno.EEXIST, "a device, a pipe or a socket, and no file")
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise  # the caller's own, from inside the with-block: a socket's, say
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def keep(folder: Path, files: Mapping[str, tuple[str, bytes]]) -> dict[str, Artifact]:
    """Puts files into a folder beside the record; raises InfrastructureError (a full disk).

    Args:
        files: an artifact's name -> its file's name, and its bytes.
    """
    artifacts = {}
    for name, (file, data) in files.items():
        with atomic_write(folder / file) as out:
            out.write(data)
        digest = file_sha256(folder / file)
        artifacts[name] = Artifact(path=f"{folder.name}/{file}", sha256=digest)
    return artifacts


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return f"absent (python {sys.version_info.major}.{sys.version_info.minor})"
