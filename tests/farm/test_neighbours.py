"""What jobs of one machine know of each other: none asks a device that another is at, the oldest is first."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm.neighbours import ASLEEP_S, Neighbours, Notice

Job = Callable[..., Neighbours]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """One that may take some devices, and came at a time."""
    return lambda came, *names: Neighbours(tmp_path, {name: f"the {name}" for name in names}, came)


def test_a_device_is_one_jobs(job: Job) -> None:
    first, second = job(1, "a", "b"), job(2, "b", "a")
    assert first.take_one(["a", "b"], 2)[0] == "a"
    assert second.is_held("a")
    assert not second.take("a")
    assert not first.is_held("a")
    assert first.take("a")
    assert second.take_one(["a", "b"], 2)[0] == "b"
    first.leave("a")
    assert second.take("a")
    second.close()
    assert first.take_one(["b"], 2)[0] == "b"


def test_who_waits_longest_is_first(job: Job) -> None:
    at_work, old, older, young = job(0, "a"), job(2, "a"), job(1, "a"), job(3, "a")
    assert at_work.take_one(["a"], 4)[0] == "a"
    for waiting in (old, older):
        assert waiting.take_one(["a"], 4)[0] == ""
    at_work.close()
    for waiting in (young, old):
        assert waiting.take_one(["a"], 4)[0] == ""
    assert older.take_one(["a"], 4)[0] == "a"
    older.close()
    assert young.take_one(["a"], 4)[0] == ""
    assert old.take_one(["a"], 4)[0] == "a"


def test_who_came_at_once_is_in_some_order(job: Job) -> None:
    jobs = [job(1, "a") for _ in range(5)]
    at_work = job(0, "a")
    assert at_work.take("a")
    assert not any(waiting.take_one(["a"], 2)[0] for waiting in jobs)
    at_work.close()
    for left in range(5, 0, -1):
        took = [waiting for waiting in jobs if waiting.take_one(["a"], 2)[0]]
        assert len(took) <= 1
        took += [waiting for waiting in jobs if not took and waiting.take_one(["a"], 2)[0]]
        assert len(took) == 1, left
        took[0].close()
        jobs.remove(took[0])


def test_more_devices_than_older_jobs_are_for_the_younger(job: Job) -> None:
    at_work, older, young = job(0, "a", "b", "c"), job(1, "a", "b"), job(2, "a", "b", "c")
    for name in "abc":
        assert at_work.take(name)
    assert older.take_one(["a", "b"], 3)[0] == ""
    at_work.leave("a")
    assert young.take_one(["a", "b", "c"], 3)[0] == ""
    at_work.leave("c")  # which the older has no use for
    assert young.take_one(["a", "b", "c"], 3)[0] == "c"
    young.leave("c")
    at_work.leave("b")
    assert young.take_one(["a", "b"], 3)[0] in ("a", "b")
    assert older.take_one(["a", "b"], 3)[0] in ("a", "b")


def test_an_older_job_that_asks_no_more_is_passed(job: Job) -> None:
    at_work, stopped, young = job(0, "a"), job(1, "a"), job(2, "a")
    assert at_work.take("a")
    assert stopped.take_one(["a"], 10)[0] == ""
    at_work.leave("a")
    assert young.take_one(["a"], 10 + ASLEEP_S - 1)[0] == ""
    assert young.take_one(["a"], 10 + ASLEEP_S)[0] == "a"


_WAITS = """
import sys, time
from pathlib import Path
from edgebnn.farm.neighbours import Neighbours
job = Neighbours(Path(sys.argv[1]), {name: f"the {name}" for name in "ab"}, 1)
assert job.take("b")
assert job.take_one(["a"], 5)[0] == ""
print("waits", flush=True)
time.sleep(600)
"""


def test_a_killed_job_leaves_everything(job: Job, tmp_path: Path) -> None:
    at_work, young = job(0, "a"), job(2, "a", "b")
    assert at_work.take("a")
    killed = subprocess.Popen(
        [sys.executable, "-c", _WAITS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    with killed:
        assert killed.stdout.readline() == "waits\n"
        assert young.is_held("b")
        at_work.leave("a")
        assert young.take_one(["a", "b"], 5)[0] == ""
        os.kill(killed.pid, signal.SIGKILL)
    assert young.take_one(["a", "b"], 5)[0] == "a"
    assert young.take("b")
    assert not list((tmp_path / "waiting").iterdir())


def test_what_is_noted_is_known_to_all(job: Job) -> None:
    first, second = job(1, "a", "b"), job(2, "a", "b")
    assert first.take("a")
    notice = Notice("passing", "device a: no answer", at=3, until=5, pause=2)
    first.note("a", notice)
    assert second.notice("a", 3) == notice
    assert second.notice("a", 2.9) is None  # of a clock that has begun anew since
    first.leave("a")
    assert second.take_one(["a", "b"], 4.9)[0] == "b"
    assert first.take_one(["a", "b"], 5)[0] == "a"
    first.note("a", None)
    assert second.notice("a", 9) is None


def test_what_was_noted_before_a_job_came_is_no_reason_to_wait_for_nothing(job: Job) -> None:
    first, second = job(1, "a"), job(4, "a")
    assert first.take("a")
    first.note("a", Notice("lasting", "device a: no flock", at=3, until=603, pause=1))
    first.leave("a")
    assert first.take_one(["a"], 5)[0] == ""
    first.close()
    assert second.take_one(["a"], 5)[0] == "a"


def test_a_damaged_notice_is_none(job: Job, tmp_path: Path) -> None:
    only = job(1, "a")
    assert only.take("a")
    for damaged in ('{"kind": "pass', "[]", '{"kind": "passing"}', "\x00\xff"):
        (file,) = (path for path in tmp_path.iterdir() if path.name not in ("turn", "waiting"))
        file.write_text(damaged)
        assert only.notice("a", 9) is None


def test_a_cache_that_is_cleared_while_jobs_run(job: Job, tmp_path: Path) -> None:
    """They know less of each other, and go on; the lease on the device keeps them apart."""
    first, second = job(1, "a", "b"), job(2, "a", "b")
    assert first.take_one(["a"], 3)[0] == "a"
    assert not second.take_one(["a"], 3)[0]
    shutil.rmtree(tmp_path)
    assert first.take_one(["b"], 3)[0] == "b"
    first.note("a", Notice("busy", "someone", 3, 8, 5))
    assert second.take_one(["a"], 3)[0] == "a"
    first.close()
    second.close()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="file: cannot be written"):
        Neighbours(tmp_path / "file", {}, time.monotonic())
