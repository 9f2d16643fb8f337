"""A framework's own environment: made once, by pip, and no part of the project's lock."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def environment(title: str, folder: Path, packages: Sequence[str]) -> Path | None:
    """The interpreter of the environment in `folder`; None if it cannot be made, which one line says.

    Args:
        title: of the framework, for that line.
        folder: in the project's folder; made anew where it is of other packages.
        packages: with their versions; wheels only. The index that pip is set up with must have them.
    """
    python, ready = folder.absolute() / "bin" / "python", folder / "ready"
    wanted = "\n".join(packages)
    if ready.exists() and ready.read_text() == wanted:
        return python
    print(f"bench: putting {packages[0]} into {folder}; minutes, once", file=sys.stderr, flush=True)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", *packages],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
            print(f"bench: without {title}: {said}", file=sys.stderr, flush=True)
            return None
    ready.write_text(wanted)
    return python
