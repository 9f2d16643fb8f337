"""A few steps of the native trainer under `edgebnn-measure`: its arena, its process, its steps."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, FiniteFloat, ValidationError

from edgebnn.errors import JobError
from edgebnn.profile.arena import ArenaProfile, check_use
from edgebnn.trainer.build import PROGRAMS

INTERVAL_S = 0.02
"""Between samples. The memory is asked for as often as that costs little: some ten times a second."""
LAST_LINES = 5

PROFILE, SAMPLES, STAMPS, MEASURED = "profile.json", "samples.jsonl", "stamps.txt", "measure.json"


@dataclass(frozen=True)
class Job:
    """What the trainer is started with."""

    trainer: Path
    """The native one; `edgebnn-measure` stands beside it."""
    run: Path
    """Run file."""
    data: Path
    """Packed data set."""
    initial: Path | None
    """Weights to begin from."""
    threads: int
    kernel: str | None
    """The variant of the kernels that is forced, or None."""

    def command(self, steps: int, *options: str | Path) -> list[str]:
        words = [self.trainer, "--run", self.run, "--data", self.data, "--steps", steps]
        words += ["--init", self.initial] if self.initial else []
        return list(map(str, [*words, "--threads", self.threads, *options]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, **({"EDGEBNN_KERNEL": self.kernel} if self.kernel else {})}


@dataclass(frozen=True)
class Watched:
    """Times are seconds since the trainer was started."""

    arena: ArenaProfile
    resident: tuple[tuple[float, int], ...]
    """(time, bytes) of the resident set."""
    peak_bytes: int
    """Largest resident set: as the kernel counted it, which may lag some pages behind, or in a sample."""
    steps: tuple[tuple[float, float], ...]
    """(begin, end) of each step."""
    versions: dict[str, str]
    """The trainer's own, with its kernels."""


class _Measured(BaseModel):
    start_s: FiniteFloat
    peak_memory_bytes: int


def watch(job: Job, steps: int, folder: Path) -> Watched:
    """Trains, and leaves PROFILE and SAMPLES in the folder.

    Args:
        steps: of training, at most.
        folder: for what the programs write.

    Raises:
        JobError: the trainer failed; the message ends with its last lines.
    """
    files = {name: folder / name for name in (PROFILE, SAMPLES, STAMPS, MEASURED)}
    command = job.command(steps, "--profile", files[PROFILE], "--stamps", files[STAMPS])
    measure = [str(job.trainer.with_name(PROGRAMS[1])), "--output", str(files[MEASURED])]
    measure += ["--samples", str(files[SAMPLES]), "--interval", str(INTERVAL_S), "--"]
    done = subprocess.run(
        [*measure, *command], check=False, capture_output=True, text=True, env=job.environment()
    )
    if done.returncode:
        raise JobError(f"{PROGRAMS[0]}: exit status {done.returncode}:\n{last_lines(done.stderr)}")
    try:
        measured = _Measured.model_validate_json(files[MEASURED].read_bytes())
        arena = ArenaProfile.model_validate_json(files[PROFILE].read_bytes())
    except ValidationError as error:
        raise JobError(f"{PROGRAMS[0]}: its profile: {error.errors()[0]['msg']}") from None
    check_use(arena)
    stamps = [line.split() for line in files[STAMPS].read_text().splitlines()]
    start = measured.start_s
    resident = _resident(files[SAMPLES], start)
    return Watched(
        arena,
        tuple(resident),
        max([measured.peak_memory_bytes, *(size for _, size in resident)]),
        tuple((float(begin) - start, float(end) - start) for begin, end in stamps),
        versions_of(done.stdout),
    )


def versions_of(output: str) -> dict[str, str]:
    """Versions in the trainer's last line, its record."""
    return dict(json.loads(output.splitlines()[-1])["versions"])


def last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LAST_LINES:])


def _resident(samples: Path, start: float) -> list[tuple[float, int]]:
    read = [json.loads(line) for line in samples.read_text().splitlines()]
    return [
        (line["time_s"] - start, int(line["rss_bytes"]))
        for line in read
        if "rss_bytes" in line and line["time_s"] >= start
    ]
