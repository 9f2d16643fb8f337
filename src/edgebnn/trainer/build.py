"""The build stage: the C++ trainer for one target, by SCons."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from edgebnn.errors import ConfigError, JobError
from edgebnn.record import Artifact, Metric, Record, file_sha256, provenance
from edgebnn.spelling import nearest

TARGETS = ("native", "aarch64-linux", "armv7-linux")
PROGRAMS = ("edgebnn-train", "edgebnn-measure")


def build_trainer(target: str, output: Path) -> Record:
    """Builds `build/<target>/` and writes the record of what came out.

    Raises:
        ConfigError: an unknown target.
        JobError: the build failed; the message ends with its last lines.
    """
    if target not in TARGETS:
        raise ConfigError(
            f"unknown target '{target}'{nearest(target, TARGETS)}; targets are {', '.join(TARGETS)}"
        )
    started = datetime.now(UTC)
    command = [sys.executable, "-m", "SCons", "-C", "rpi", f"TARGET={target}"]
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise JobError(f"build for {target} failed:\n" + "\n".join(done.stdout.splitlines()[-20:]))
    programs = [Path("build") / target / program for program in PROGRAMS]
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
    record.write(output)
    return record
