"""What a machine has for jobs beside each other, and GPUs that they claim: one each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgebnn.gpu import claimed_gpu
from edgebnn.machine import memory_mib, visible_gpus

JOB = """
import os, sys
from pathlib import Path
from edgebnn.gpu import claimed_gpu
with claimed_gpu(Path(sys.argv[1]), lambda line: print(line, flush=True)) as gpu:
    assert gpu == os.environ["CUDA_VISIBLE_DEVICES"]
    print("has", os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("given", "visible", "found"),
    [
        (None, None, ["0", "1", "2"]),  # as CUDA counts them
        (None, "1,0", ["1", "0"]),
        (None, "GPU-8a,MIG-2,3,4", ["GPU-8a", "MIG-2", "3"]),
        (None, "", []),
        (None, "-1", []),
        (None, "1,-1,0", ["1"]),
        ("4, 5", "1", ["4", "5"]),
        ("4,,4", None, ["4"]),
        ("", None, []),
    ],
)
def test_visible_gpus(
    given: str | None,
    visible: str | None,
    found: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("nvidia10", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    for variable, value in (("EDGEBNN_GPUS", given), ("CUDA_VISIBLE_DEVICES", visible)):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    assert visible_gpus(tmp_path) == found


def test_memory_is_the_machines(tmp_path: Path) -> None:
    total = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    assert total // 1024 - 1 <= memory_mib(tmp_path / "none") <= 1.1 * total / 1024


@pytest.mark.parametrize(
    ("groups", "limits", "mib"),
    [
        ("0::/", {"memory.max": 512}, 512),  # a container
        ("0::/job_7/task", {"job_7/memory.max": 300, "job_7/task/memory.max": "max"}, 300),
        ("0::/job_7", {"job_8/memory.max": 300}, None),
        ("9:cpu:/a\n4:hugetlb,memory:/job:7", {"memory/job:7/memory.limit_in_bytes": 200}, 200),
        ("4:memory:/gone", {"memory/memory.limit_in_bytes": 100}, 100),
    ],
)
def test_memory_is_what_a_container_or_job_may_use(
    groups: str, limits: dict[str, int | str], mib: int | None, tmp_path: Path
) -> None:
    (tmp_path / "cgroup").write_text(groups + "\n")
    for name, limit in limits.items():
        path = tmp_path / "limits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{limit if isinstance(limit, str) else limit * 2**20}\n")
    found = memory_mib(tmp_path / "cgroup", tmp_path / "limits")
    assert found == (mib or memory_mib(tmp_path / "none"))


@contextmanager
def job(folder: Path, gpus: str) -> Iterator[subprocess.Popen[str]]:
    """One that takes a GPU, and holds it to the end of the block."""
    command = [sys.executable, "-c", JOB, str(folder)]
    given = {**os.environ, "EDGEBNN_GPUS": gpus}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=given, stdin=pipe, stdout=pipe, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def said(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def test_jobs_at_once_take_different_gpus(tmp_path: Path) -> None:
    """The third waits, and takes over from one that is killed."""
    with job(tmp_path, "0,MIG-3f/1/0") as first, job(tmp_path, "0,MIG-3f/1/0") as second:
        has = said(first), said(second)
        assert set(has) == {"has 0", "has MIG-3f/1/0"}
        with job(tmp_path, "0,MIG-3f/1/0") as third:
            assert said(third) == (
                "waiting for one of the GPUs 0, MIG-3f/1/0: all are taken by other jobs"
            )
            second.kill()
            assert said(third) == has[1]


def test_without_gpus_nothing_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBNN_GPUS", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with claimed_gpu(tmp_path / "locks", print) as gpu:
        assert gpu is None
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert not (tmp_path / "locks").exists()
