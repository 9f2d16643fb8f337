"""A board as docs/add-a-board.md has it: OpenSSH, an agent's key and nothing else, for a whole study."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.farm.sshd import USER, agent, keygen, needs_sshd, serve

from .conftest import ROOT, STUDY, Workflow

pytestmark = [pytest.mark.slow, needs_sshd]


def documented() -> dict[str, dict[str, object]]:
    """The inventory of the document."""
    text = (ROOT / "docs" / "add-a-board.md").read_text()
    block = text.split("```yaml\n")[1].split("```")[0]
    found: dict[str, dict[str, object]] = yaml.safe_load(block)
    return found


def test_the_documented_board_takes_a_whole_study(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "me" / ".ssh"
    ssh.mkdir(parents=True)
    key = keygen(tmp_path / "key")
    with serve(tmp_path / "board", key) as server, agent(tmp_path, key) as where:
        key.unlink()  # the agent alone has it
        monkeypatch.setenv("HOME", str(ssh.parent))
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        farm = documented()
        board = farm["devices"]["bench-1"]
        assert set(board) == {"host", "user", "board", "target", "meter"}
        (ssh / "config").write_text(
            f"Host {board['host']}\n HostName 127.0.0.1\n Port {server.port}\n"
        )
        board |= {"user": USER, "target": "native"}  # who and what this machine is
        path = tmp_path / "farm.yaml"
        path.write_text(yaml.safe_dump(farm))

        def edgebnn(*words: str, says: str = "") -> str:
            done = subprocess.run(
                [Path(sys.executable).with_name("edgebnn"), "farm", *words, "--farm", path],
                input=says,
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        assert "pinned in" in edgebnn("enroll", "bench-1", says="yes\n")
        (experiment,) = STUDY["experiments"]
        device = {"boards": ["rpi3b+"], "batch_size": 200, "epochs": 2}
        workflow.configure(farm=str(path), experiments=[{**experiment, "device": device}])
        status, output = workflow.run()
        assert status == 0, output
        assert "bench-1" in edgebnn("check")
    records = [json.loads(file.read_text()) for file in workflow.results.glob("device/*.json")]
    assert len(records) == 2
    assert {record["provenance"]["host"] for record in records} == {"bench-1"}
    assert not any(record["provenance"]["virtual"] for record in records)
    assert all(record["metrics"]["energy_gross_j"]["value"] > 0 for record in records)
