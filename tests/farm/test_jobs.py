"""The jobs on the devices as their user sees them: listed, stopped, cleared away; and a shell there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.cli import main
from edgebnn.errors import ConfigError
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.jobs import find_jobs, stop_job
from tests.farm.boards import Board, farm_of
from tests.farm.controller import Controller


@pytest.fixture
def farm_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """`edgebnn farm ACTION ...`: exit status and output, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(farm: Inventory, action: str, *words: str) -> tuple[int, str]:
        places = ["--farm", str(farm.path), "--virtual", str(tmp_path / "virtual")]
        status = main(["farm", action, *places, *words])
        return status, capsys.readouterr().out

    return call


def test_a_job_is_listed_stopped_and_cleared_away(
    one: Board,
    controller: Callable[..., Controller],
    farm_command: Callable[..., tuple[int, str]],
    tmp_path: Path,
) -> None:
    farm = farm_of(tmp_path, [one])
    first = controller(farm, epochs=100000)
    run = first.run.id
    first.until("epoch 3/")
    one.freeze()
    _, table = farm_command(farm, "jobs")
    assert [run, "runs"] == [word for word in table.split() if word in {run, "runs"}]
    _, told = farm_command(farm, "jobs", "--json")
    (job,) = json.loads(told)
    assert (job["device"], job["run"], job["state"]) == ("b0", run, "running")
    assert job["progress"].startswith("epoch ")
    assert job["progress"].endswith(" of 100000")
    assert 0 <= job["started_s_ago"] < 600
    _, cleaned = farm_command(farm, "clean", "--json")
    (row,) = json.loads(cleaned)
    assert row["remark"].startswith(f"busy: run {run}, ")
    one.thaw()
    assert (
        farm_command(farm, "stop", run)[1] == f"stopped on b0: {run}; its checkpoint stays there\n"
    )
    status, said = first.end()
    assert status == 1
    assert "device b0: the job was stopped by " in said
    with pytest.raises(ConfigError, match=rf"no device runs '{run}'; running: none"):
        stop_job(farm, tmp_path, run)
    assert [found.state for found in find_jobs(farm, tmp_path)] == ["stopped"]

    (row,) = json.loads(farm_command(farm, "clean", "--json", "b0")[1])
    assert (row["jobs"], row["files"]) == ("0", "0")  # younger than a week
    old = time.time() - 8 * 86400
    os.utime(one.jobs[0], (old, old))
    store = one.home / "edgebnn" / "store"
    stored = sorted(store.iterdir())
    assert len(stored) == 3
    os.utime(stored[0], (old, old))
    (row,) = json.loads(farm_command(farm, "clean", "--json")[1])
    assert (row["jobs"], row["files"]) == ("1", "1")
    assert one.jobs == []
    assert sorted(store.iterdir()) == stored[1:]
    _, table = farm_command(farm, "clean", "--older-than", "0")
    assert list(store.iterdir()) == []
    assert "MiB" in table
    assert "no jobs on the devices" in farm_command(farm, "jobs")[1]


def test_what_a_job_needs_stays(
    one: Board, tmp_path: Path, farm_command: Callable[..., Any]
) -> None:
    store = one.home / "edgebnn" / "store"
    store.mkdir(parents=True)
    for name in ("used", "unused"):
        (store / name).write_bytes(bytes(3000))
    young = one.home / "edgebnn" / "jobs" / "young"
    young.mkdir(parents=True)
    (young / "edgebnn-train").symlink_to("../../../edgebnn/store/used")
    old = time.time() - 8 * 86400
    for name in ("used", "unused"):
        os.utime(store / name, (old, old))
    farm_command(farm_of(tmp_path, [one]), "clean")
    assert [path.name for path in store.iterdir()] == ["used"]


STATES = {
    "ended": {
        "exit": "0\n",
        "running": "",
        "log": '{"event": "batch", "batch": 3, "batches": 4}\n',
    },
    "failed": {"exit": "1\n", "running": "", "log": "Killed\n\x1b[31m"},
    "stopped": {"exit": "143\n", "running": "", "stopped": "me\n"},
    "cut": {"running": "", "log": '{"event": "epoch", "epoch": "$(reboot)", "epochs": 4}\n'},
    "prepared": {},
}


def test_how_a_job_stands(one: Board, tmp_path: Path) -> None:
    jobs = one.home / "edgebnn" / "jobs"
    for state, files in STATES.items():
        (jobs / state).mkdir(parents=True)
        for name, text in {"start": "", **files}.items():
            (jobs / state / name).write_text(text)
    for hostile in ("a b", "-rf", "$(touch x)", "new\nline", "\x1b[2J"):
        (jobs / hostile).mkdir()
    (jobs / "a file").touch()
    found = {job.run: job for job in find_jobs(farm_of(tmp_path, [one]), tmp_path)}
    assert {run: job.state for run, job in found.items() if run != "-rf"} == {
        state: state for state in STATES
    }
    assert found["ended"].progress == "batch 3 of 4"
    assert {job.progress for job in found.values()} == {"", "batch 3 of 4"}


def test_a_device_that_is_silent_is_listed_as_that(
    one: Board, tmp_path: Path, farm_command: Callable[..., tuple[int, str]]
) -> None:
    farm = farm_of(tmp_path, [one])
    farm.known_hosts.unlink()
    (job,) = json.loads(farm_command(farm, "jobs", "--json")[1])
    assert (job["device"], job["state"]) == ("b0", "error")
    assert "edgebnn farm enroll b0" in job["progress"]
    with pytest.raises(ConfigError, match=r"no device runs 'x'.*; not reached: b0 \(.*enroll"):
        stop_job(farm, tmp_path, "x")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")
@pytest.mark.parametrize("where", ["board", "virtual"])
def test_a_shell_and_a_command_there(
    where: str, one: Board, tmp_path: Path, inventory: Callable[..., Inventory]
) -> None:
    farm = farm_of(tmp_path, [one])
    name, home = "b0", one.home
    if where == "virtual":
        farm = inventory(v={"kind": "virtual"})
        name, home = "v", (tmp_path / "virtual" / "v").resolve()
    words = [sys.executable, "-m", "edgebnn.cli", "farm", "shell", "--farm", str(farm.path)]
    words += ["--virtual", str(tmp_path / "virtual"), name]
    said = subprocess.run(
        [*words, "--", "sh", "-c", 'pwd; echo "$1"; exit 7', "sh", "a  'b' $HOME"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (said.returncode, said.stdout) == (7, f"{home}\na  'b' $HOME\n"), said.stderr
    if where == "board":
        farm.known_hosts.write_text("")
        refused = subprocess.run([*words, "--", "pwd"], check=False, capture_output=True, text=True)
        assert refused.returncode == 255
        assert "Host key verification failed" in refused.stderr
