from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def native(built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The native trainer is there, and this is the project's folder."""
    built("native")
    monkeypatch.chdir(ROOT)
