"""A job outlives what started it: cut connections, a killed controller, a reboot, a board that never comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm import lease as leases
from edgebnn.farm.detached import JOBS, look, stop
from edgebnn.farm.job import train_on_device
from edgebnn.farm.lease import lease
from edgebnn.farm.reach import reach
from edgebnn.record import Record, read_record
from edgebnn.study.run import Run
from tests.farm.boards import Board, boards, farm_of
from tests.farm.controller import Controller

LONG = 40
"""Epochs of a controller's run."""


def trained(record: Record) -> dict[str, Any]:
    """What is the same wherever, and however often interrupted, it was trained."""
    names = ("test_accuracy", "test_loss", "steps")
    return {name: record.value(name) for name in names} | {"loss": record.series["loss"]}


@pytest.fixture(scope="session")
def undisturbed(
    trainer: Path, digits: Path, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], Any]:
    """What comes of a run of so many epochs on a virtual device."""
    known: dict[int, Any] = {}

    def train(epochs: int) -> Any:
        if epochs not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            farm = folder / "farm.yaml"
            farm.write_text("devices: {one: {kind: virtual}}")
            from edgebnn.farm.inventory import load_inventory

            long = run.model_copy(update={"epochs": epochs})
            record = train_on_device(
                *(long, digits, trainer, load_inventory(farm)),
                *(folder / "record.json", folder, lambda line: None),
            )
            known[epochs] = trained(record)
        return known[epochs]

    return train


def start_pid(one: Board) -> int:
    """The session of the job that runs there."""
    (folder,) = one.jobs
    return int((folder / "pid").read_text())


def test_a_killed_controllers_job_is_adopted(
    one: Board, controller: Callable[..., Controller], undisturbed: Any, tmp_path: Path
) -> None:
    farm = farm_of(tmp_path, [one])
    first = controller(farm)
    first.until("epoch 3/")
    one.freeze()
    session = start_pid(one)
    first.kill()
    second = controller(farm)
    second.until("b0: the job runs there; following it")
    one.thaw()
    second.until("epoch 3/")  # all that the job has said is told
    assert start_pid(one) == session
    status, said = second.end()
    assert status == 0, said
    assert trained(read_record(second.output)) == undisturbed(LONG)
    assert one.jobs == []


def test_what_ended_without_a_controller_is_fetched(
    one: Board,
    controller: Callable[..., Controller],
    undisturbed: Any,
    tmp_path: Path,
    ended: Callable[[int], bool],
) -> None:
    farm = farm_of(tmp_path, [one])
    first = controller(farm)
    first.until("epoch 3/")
    one.freeze()
    first.kill()
    session = start_pid(one)
    one.thaw()
    assert ended(session)
    second = controller(farm)
    status, said = second.end()
    assert status == 0, said
    assert "epoch" not in said
    assert trained(read_record(second.output)) == undisturbed(LONG)


def test_a_board_that_was_started_anew_goes_on_from_its_checkpoint(
    one: Board, controller: Callable[..., Controller], undisturbed: Any, tmp_path: Path
) -> None:
    farm = farm_of(tmp_path, [one])
    first = controller(farm)
    first.until("epoch 3/")
    one.freeze()
    one.reboot()
    first.until("resumed behind epoch [0-9]+, step")
    status, said = first.end()
    assert status == 0, said
    assert trained(read_record(first.output)) == undisturbed(LONG)
    assert one.processes() == []


@pytest.mark.parametrize("renaming", [False, True])
def test_another_board_takes_over_from_the_checkpoint_that_was_fetched(
    kind: str,
    keys: Path,
    controller: Callable[..., Controller],
    undisturbed: Any,
    tmp_path: Path,
    *,
    renaming: bool,
) -> None:
    """The one that had the job is gone for good; perhaps just as a new checkpoint took the old one's place."""
    with boards(kind, tmp_path, keys / "good", 2) as both:
        farm = farm_of(tmp_path, both, patience_min=0.0, fetch_checkpoint_min=0.002)
        first = controller(farm)
        first.until("epoch 3/")
        for one in both:
            one.freeze()
        (kept,) = first.output.parent.glob("state/*")
        if renaming:
            for newest in tmp_path.glob("b*/**/jobs/*/checkpoint"):
                newest.replace(f"{newest}.previous")
            (kept / "origin").unlink(missing_ok=True)
        while not (kept / "origin").exists():
            time.sleep(0.02)
        name = (kept / "device").read_text()
        gone = both[int(name[1])]
        farm.known_hosts.write_text("")  # whatever is there now, it is not that board
        for other in both:
            if other is not gone:
                farm.known_hosts.write_text(other.pinned)
        gone.reboot()
        first.until("sent the checkpoint that was fetched last")
        first.until("resumed behind epoch [0-9]+, step")
        status, said = first.end()
        assert status == 0, said
        record = read_record(first.output)
        assert record.provenance.host != name
        assert trained(record) == undisturbed(LONG)
        assert not kept.exists()


def test_ctrl_c_leaves_a_boards_job_running_and_says_how_to_go_on(
    one: Board,
    controller: Callable[..., Controller],
    tmp_path: Path,
    ended: Callable[[int], bool],
) -> None:
    farm = farm_of(tmp_path, [one])
    first = controller(farm, epochs=10000)
    name = first.run.id
    first.until("epoch 3/")
    os.killpg(first.process.pid, signal.SIGINT)
    status, said = first.end()
    assert status == 130
    assert f"{name} goes on on b0; " in said
    assert f"edgebnn farm stop {name}" in said
    with reach("b0", farm, tmp_path) as host:
        folder = f"{JOBS}/{name}"
        assert look(host, folder).state == "running"
        with lease(host, "another") as taken:
            assert not taken.ours
            assert taken.holder.startswith(f"run {name}, ")
        session = start_pid(one)
        assert stop(host, folder, "me@laptop")
        assert not stop(host, folder, "me@laptop")
        assert ended(session)
        with lease(host, "another") as taken:
            assert taken.ours
    status, said = controller(farm, epochs=10000).end()  # by itself, nobody begins it again at once
    assert status == 1
    assert "device b0: the job was stopped by me@laptop, " in said
    old = time.time() - 300  # by hand, later
    os.utime(one.jobs[0] / "stopped", (old, old))
    last = controller(farm, epochs=10000)
    last.until("epoch [0-9]+/")
    one.reboot()


def test_a_silent_controller_loses_its_lease(
    one: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose laptop sleeps, while its connection stays open."""
    farm = farm_of(tmp_path, [one])
    monkeypatch.setattr(leases, "SILENT_S", 0.5)
    with (
        reach("b0", farm, tmp_path) as asleep,
        reach("b0", farm, tmp_path) as awake,
        lease(asleep, "first") as first,
    ):
        for _ in range(1200):
            with lease(awake, "second") as second:
                if second.ours:
                    break
            time.sleep(0.05)
        else:
            pytest.fail("it never does")
        assert first.lost
        with pytest.raises(InfrastructureError, match="the lease is lost"):
            first.start()


def test_a_talking_controller_keeps_its_lease(
    one: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = farm_of(tmp_path, [one])
    monkeypatch.setattr(leases, "SILENT_S", 2.0)
    monkeypatch.setattr(leases, "BEAT_S", 0.1)
    with reach("b0", farm, tmp_path) as host, lease(host, "first") as first:
        (one.home / "edgebnn" / "beats").touch()
        time.sleep(3)
        assert not first.lost


def test_what_cannot_be_started_is_said(one: Board, tmp_path: Path) -> None:
    farm = farm_of(tmp_path, [one])
    with (
        reach("b0", farm, tmp_path) as host,
        lease(host, "first", "edgebnn/nowhere") as taken,
        pytest.raises(InfrastructureError, match=r"b0: the job cannot be started: .*nowhere"),
    ):
        taken.start()
