"""The scheduling at size, in simulated time: what is lost beside the work itself, and whether anyone starves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.farm.simulated import JOB_S, simulate


@pytest.mark.parametrize(
    ("boards", "jobs", "dead"),
    [(1, 5, 0.0), (20, 200, 0.02), pytest.param(60, 300, 0.2, marks=pytest.mark.slow)],
)
def test_many_boards_and_many_jobs(
    build: Callable[..., Path], tmp_path: Path, boards: int, jobs: int, dead: float
) -> None:
    """With a fifth of the boards dying, many jobs wait for a board, and some begin anew."""
    found = simulate(boards, jobs, build(), tmp_path, dead=dead)
    assert found.done == jobs
    assert found.ideal / found.makespan >= 0.9, found
    assert found.longest_wait < JOB_S, found
    assert found.connections <= 3 * jobs, found


def test_a_simulation_is_the_same_each_time(build: Callable[..., Path], tmp_path: Path) -> None:
    first, second = (simulate(10, 50, build(), tmp_path / name) for name in ("a", "b"))
    assert first == second
