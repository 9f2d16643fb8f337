"""A corner of a board's /sys in a folder, asked by a real shell, and read as `edgebnn-measure` does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgebnn.energy.meter import Sources


def ask(script: str) -> str:
    """Runs a script as the board's shell would."""
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    return done.stdout


def ask_as_nobody(script: str) -> str:
    """The same by an account without rights, which the number 65534 is everywhere."""
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    command = ["sh", "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, **other)
    return done.stdout


def write(folder: Path, files: Mapping[str, object]) -> Path:
    """A folder of sysfs: each file has a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    return folder


def sampled(sources: Sources, times: Iterable[float]) -> list[dict[str, object]]:
    """A line a time: what the files say now; a file that cannot be read leaves its name out."""
    lines = []
    for time_s in times:
        line: dict[str, object] = {"time_s": time_s}
        for name, path in sources.files.items():
            if Path(path).is_file():
                line[name] = Path(path).read_text().strip()
        lines.append(line)
    return lines
