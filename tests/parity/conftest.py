"""The C++ trainer, built once, and dumps of the same run by each engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # the plain modules beside this file


@pytest.fixture(scope="session", autouse=True)
def backend() -> None:
    from edgebnn.emulation.backend import load_backend

    load_backend()


@pytest.fixture(scope="session")
def trainer() -> Path:
    """`build/native/edgebnn-train`, brought up to date."""
    done = subprocess.run(
        [sys.executable, "-m", "SCons", "-C", "rpi", "TARGET=native"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"the trainer does not build:\n{done.stdout}\n{done.stderr}"
    return ROOT / "build" / "native" / "edgebnn-train"


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Packed data by the name of its maker in cases.DATA, written once each."""
    from cases import DATA

    from edgebnn.datasets import write_packed

    folder = tmp_path_factory.mktemp("packed")

    def packed(name: str) -> Path:
        path = folder / f"{name}.ebd"
        if not path.exists():
            write_packed(path, DATA[name]())
        return path

    return packed
