"""When each step began and ended, by the system's monotonic clock."""

import time
from typing import Any

import numpy as np
import pytest


def test_every_step_is_stamped(job: Any) -> None:
    stamps = job.folder / "stamps.txt"
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    metrics = job.record("--stamps", stamps)["metrics"]
    after = time.clock_gettime(time.CLOCK_MONOTONIC)
    begin, end = np.loadtxt(stamps).T
    assert len(begin) == metrics["steps"] == 5 * 8
    assert before < begin[0]
    assert end[-1] < after
    assert np.all(begin <= end)
    assert np.all(end[:-1] <= begin[1:] + 2e-6)  # of six decimals
    assert np.median(end - begin) == pytest.approx(metrics["time_per_batch_s"], abs=2e-6)
    assert np.sum(end - begin) == pytest.approx(metrics["train_time_s"], abs=40 * 2e-6)


def test_a_resumed_run_stamps_its_own_steps(job: Any) -> None:
    stamps, kept = job.folder / "stamps.txt", ("--checkpoint", job.folder / "state")
    job.record("--steps", 24, *kept)
    job.record("--stamps", stamps, "--resume", *kept)
    assert len(np.loadtxt(stamps)) == 5 * 8 - 24


def test_what_fails_leaves_no_stamps(job: Any) -> None:
    job.keys = {"learning_rate": 3e38}
    assert job.train("--stamps", job.folder / "stamps.txt").returncode == 1
    assert not list(job.folder.glob("stamps*"))
