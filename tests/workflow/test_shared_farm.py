"""Two workflows on one farm: both end, and no board ever has two jobs at once."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from edgebnn.record import read_record
from tests.farm.boards import KINDS, Board, boards, farm_of
from tests.farm.sshd import keygen

from .conftest import STUDY, Workflow

SETSID = """#!/bin/sh
echo "begin ${{PWD##*/}}" >>{log}
{setsid} "$@"
status=$?
echo "end ${{PWD##*/}}" >>{log}
exit $status
"""
"""What starts a job there, and what it holds, its board's lease too, it holds until it has written `end`."""


def watch(board: Board) -> None:
    """Has the board write down the begin and the end of each job."""
    program = board.home / "bin" / "setsid"
    program.parent.mkdir(exist_ok=True)
    program.write_text(SETSID.format(log=board.home / "log", setsid=shutil.which("setsid")))
    program.chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_workflows_share_two_boards(kind: str, tmp_path: Path) -> None:
    """One run is asked for by both, and one by the name of its device."""
    device = {"boards": ["bench"], "batch_size": 200, "epochs": 2}
    alone = {**STUDY["experiments"][0], "methods": ["proposed"], "emulate": None}  # type: ignore[index]
    mine = [{**alone, "seeds": [0, 1, 2], "device": device}]
    hers = [{**alone, "seeds": [2, 3], "device": device}]
    named = {**device, "devices": ["b1"]}
    hers += [{**alone, "name": "named", "seeds": [4], "device": named}]
    with boards(kind, tmp_path, keygen(tmp_path / "key"), 2) as found:
        farm = farm_of(tmp_path, found)
        for board in found:
            watch(board)
        workflows = []
        for name, experiments in (("mine", mine), ("hers", hers)):
            workflows.append(Workflow(tmp_path / name))
            workflows[-1].folder.mkdir()
            workflows[-1].configure(farm=str(farm.path), experiments=experiments, memory=[])
        processes = [workflow.start("--cores", "4") for workflow in workflows]
        outputs = [process.communicate()[0] for process in processes]
        for process, output in zip(processes, outputs, strict=True):
            assert process.returncode == 0, output
        assert [board.jobs for board in found] == [[], []]
        logs = [(board.home / "log").read_text().splitlines() for board in found]
    for log in logs:
        assert [line.split()[0] for line in log] == ["begin", "end"] * (len(log) // 2)
        assert all(a[6:] == b[4:] for a, b in list(pairwise(log))[::2])
    ran = {line.split()[1] for log in logs for line in log}
    for workflow in workflows:
        records = {path.stem: read_record(path) for path in workflow.results.glob("device/*.json")}
        assert len(records) == 3
        assert ran.issuperset(records)
        for record in records.values():
            assert record.metrics["test_accuracy"].value > 0.5
            if "devices" in record.parameters:
                assert record.provenance.host == "b1"
    assert len(ran) == 5
