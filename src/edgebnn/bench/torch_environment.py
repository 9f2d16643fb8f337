"""PyTorch's own environment, `build/torch`: made once, by pip, and no part of the project's lock."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path("build/torch")
VERSION = "2.13.0"
"""With `+cpu` on x86-64, where the plain wheel brings gigabytes for GPUs; the index pip is set up with
must have it."""


def torch_python() -> Path | None:
    """The environment's interpreter; None if PyTorch cannot be had, which one line says."""
    folder = FOLDER.absolute()
    python, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists() and ready.read_text() == VERSION:
        return python
    local = "+cpu" if platform.machine() == "x86_64" else ""
    wanted = f"torch=={VERSION}{local}"
    print(f"bench: putting {wanted} into {FOLDER}; minutes, once", file=sys.stderr, flush=True)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", wanted, "numpy"],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
            print(f"bench: without PyTorch: {said}", file=sys.stderr, flush=True)
            return None
    ready.write_text(VERSION)
    return python
