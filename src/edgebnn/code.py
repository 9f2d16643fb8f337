"""What a stage's result depends on in this code base: a digest of the stage's own files.

The workflow passes it to the stage's rule as a parameter, so that a changed stage runs again while a
changed report does not repeat hours of board time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_PACKAGE = Path(__file__).parent
_OBSERVED = (
    "farm/clock.py",
    "farm/conditions.py",
    "farm/joules.py",
    "farm/metering.py",
    "farm/observed.py",
    "farm/result.py",
    "farm/samples.py",
    "farm/settings.py",
    "farm/throttling.py",
)
_STAGES: dict[str, tuple[str, ...]] = {
    "data": ("data",),
    "memory": (
        "memory/accounting.py",
        "memory/arena.py",
        "memory/stage.py",
        "study/network.py",
        "study/switches.py",
        "study/trainable.py",
        "trainer/run_file.py",
    ),
    "weights": ("weights.py", "weights_file.py", "emulation", "trainer/network_file.py"),
    "emulate": (
        "emulation",
        "study/network.py",
        "study/switches.py",
        "data/datasets.py",
        "weights_file.py",
    ),
    "device": (
        "trainer/run_file.py",
        "farm/job.py",
        *_OBSERVED,
        "energy",
    ),
    "baseline": (
        "baseline",
        "farm/baseline.py",
        "farm/baseline_found.py",
        "farm/baseline_outcome.py",
        "farm/baseline_profile.py",
        *_OBSERVED,
        "energy",
    ),
    "profile": (
        "profile",
        "report/axes.py",
        "report/profiled.py",
        "report/templates/profile.svg.j2",
        "trainer/run_file.py",
    ),
    "track": (
        "tracking",
        "summary.py",
        "data/sources.py",
        "data/digest.py",
        "report/groups.py",
        "trainer/export.py",
        "trainer/network_file.py",
    ),
    "report": ("report", "paper.py", "summary.py"),
}


def stage_files(stage: str) -> list[Path]:
    """The files and folders of this package that a stage's result depends on."""
    return [_PACKAGE / name for name in _STAGES[stage]]


def code_digest(stage: str) -> str:
    """Hexadecimal digest of the files that a stage's result depends on (and of their names)."""
    return _digest(_PACKAGE, stage_files(stage))


def trainer_digest(root: Path) -> str:
    """The same for the C++ trainer's sources under `root`/rpi."""
    return _digest(root, [root / "rpi" / "SConstruct", root / "rpi" / "src"])


def measure_digest(root: Path) -> str:
    """The same for those of `edgebnn-measure` alone."""
    return _digest(root, [root / "rpi" / "src" / "measure"])


def _digest(root: Path, places: list[Path]) -> str:
    digest = hashlib.sha256()
    for place in places:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if "__pycache__" not in file.parts and not file.is_dir():
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()[:16]
