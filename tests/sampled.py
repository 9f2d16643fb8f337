"""Which of many like cases are always run, and which by `make test-slow` alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(every: int, cases: Iterable[Any]) -> list[Any]:
    """Cases for parametrize: one in so many is always run, beginning with the first; the others are slow tests."""
    slow = pytest.mark.slow
    return [
        case
        if number % every == 0
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=slow)
        for number, case in enumerate(cases)
    ]
