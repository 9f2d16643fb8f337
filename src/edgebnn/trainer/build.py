"""The build stage: the C++ trainer for one target, by SCons."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.code import trainer_digest
from edgebnn.errors import ConfigError, JobError
from edgebnn.record import Artifact, Metric, Record, atomic_write, file_sha256, provenance
from edgebnn.shipped import SHIPPED
from edgebnn.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS = ("native", "aarch64-linux", "armv7-linux", "armv6-linux")
PROGRAMS = ("edgebnn-train", "edgebnn-measure")
LAST_LINES = 20


def build_trainer(target: str, output: Path | None = None) -> Record:
    """Builds `build/<target>/` and writes the record of what came out, if a file is named.

    Raises:
        ConfigError: an unknown target.
        JobError: the build failed; the message says why and ends with its last lines.
    """
    if target not in TARGETS:
        raise ConfigError(
            f"unknown target '{target}'{nearest(target, TARGETS)}; targets are {', '.join(TARGETS)}"
        )
    started = datetime.now(UTC)
    compile_trainer(target, lambda line: print(line, flush=True))
    programs = [folder_of(target) / program for program in PROGRAMS]
    record = Record(
        stage="build",
        run_id=target,
        parameters={"target": target},
        metrics={
            "build_time_s": Metric(
                value=(datetime.now(UTC) - started).total_seconds(), source="measured"
            ),
            "trainer_bytes": Metric(value=programs[0].stat().st_size, source="measured"),
        },
        artifacts={
            program.name: Artifact(path=f"../../{program}", sha256=file_sha256(program))
            for program in programs
        },
        provenance=provenance(started.isoformat(timespec="seconds"), ("scons", "ziglang")),
    )
    if output:
        record.write(output)
    return record


def folder_of(target: str) -> Path:
    """Where a target's programs are: in the folder that the command runs in."""
    return Path("build") / target


def compile_trainer(target: str, hear: Callable[[str], object], *options: str) -> None:
    """Brings a target's programs up to date with the sources.

    Args:
        target: one of TARGETS.
        hear: called with each line that SCons prints: a command, as it begins, or what it says.
        options: SCons' own.

    Raises:
        JobError: the build failed, or cannot begin; the message's first line says why, its last ones
            are SCons'.
    """
    if find_spec("ziglang") is None:
        raise JobError(f"build for {target} failed: the Python package ziglang is missing")
    digest = trainer_digest(SHIPPED)
    command = [sys.executable, "-m", "SCons", "-Q", "-C", str(SHIPPED / "rpi")]
    arguments = [f"TARGET={target}", f"BUILD={Path('build').absolute()}"]
    with subprocess.Popen(
        [*command, *arguments, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            hear(lines[-1])
    if process.returncode:
        last = "\n".join(lines[-LAST_LINES:])
        raise JobError(f"build for {target} failed: {_reason(lines)}\n{last}")
    if "-n" not in options:
        with atomic_write(_stamp(target)) as file:
            file.write(digest.encode())


def is_current(target: str) -> bool:
    """Whether a target's programs were made of the sources as they are."""
    programs = [folder_of(target) / program for program in PROGRAMS]
    try:
        return _stamp(target).read_text() == trainer_digest(SHIPPED) and all(
            program.exists() for program in programs
        )
    except OSError:
        return False


def is_command(line: str) -> bool:
    """Whether a line of SCons' is one of the build's commands."""
    return line.startswith('"$EDGEBNN_PYTHON" -m ziglang')


def _stamp(target: str) -> Path:
    """Holds the digest of the sources that a target's programs were made of."""
    return folder_of(target) / ".sources"


def _reason(lines: list[str]) -> str:
    """The line that says what went wrong: the first error, else the last that is said at all."""
    said = [
        line for line in lines if line and not is_command(line) and not line.startswith("scons: ")
    ]
    return next((line for line in said if "error" in line.lower()), [*lines, *said][-1])
