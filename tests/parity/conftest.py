"""The C++ trainer, built once, and dumps of the same run by each engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.emulation.backend import load_backend

load_backend(threads=1)  # before a test imports Keras, which then imports less

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # the plain modules beside this file


@pytest.fixture(scope="session")
def trainer(built: Callable[[str], Path]) -> Path:
    """`build/native/edgebnn-train`, brought up to date."""
    return built("native") / "edgebnn-train"


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Packed data by the name of its maker in cases.DATA, written once each."""
    from cases import DATA

    from edgebnn.data.datasets import write_packed

    folder = tmp_path_factory.mktemp("packed")

    def packed(name: str) -> Path:
        path = folder / f"{name}.ebd"
        if not path.exists():
            write_packed(path, DATA[name]())
        return path

    return packed
