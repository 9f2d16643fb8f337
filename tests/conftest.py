"""What every test may rely on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A shell's background jobs ignore SIGINT and hand that down to what they start; a terminal's do not. Tests of
# Ctrl-C want a terminal's.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def built() -> Callable[[str], Path]:
    """`built(target)`: the folder with that target's programs, brought up to date."""

    def folder(target: str) -> Path:
        done = subprocess.run(
            [sys.executable, "-m", "SCons", "-Q", "-C", "rpi", f"TARGET={target}"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{target} does not build:\n{done.stdout}\n{done.stderr}"
        return ROOT / "build" / target

    return folder
