"""What a stage's result depends on in this code base: a digest of the stage's own files.

The workflow passes it to the stage's rule as a parameter, so that a changed stage runs again while a
changed report does not repeat hours of board time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_PACKAGE = Path(__file__).parent
_STAGES: dict[str, tuple[str, ...]] = {
    "data": ("datasets.py", "archives.py", "sources.py", "download.py"),
    "memory": (
        "memory.py",
        "arena.py",
        "blocks.py",
        "trainable.py",
        "network.py",
        "switches.py",
    ),
    "emulate": ("emulation", "network.py", "switches.py", "datasets.py"),
    "device": ("run_file.py", "farm/job.py", "farm/result.py", "energy"),
    "track": ("track.py",),
    "report": ("report.py", "report", "paper.py", "templates"),
}


def code_digest(stage: str) -> str:
    """Hexadecimal digest of the files that a stage's result depends on (and of their names)."""
    return _digest(_PACKAGE, _STAGES[stage])


def trainer_digest(root: Path) -> str:
    """The same for the C++ trainer's sources under `root`/rpi."""
    return _digest(root / "rpi", ("SConstruct", "src"))


def _digest(root: Path, names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        place = root / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()[:16]
