"""Enrolment of a board, and the way to it: a real server, reached as a board."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.address import Address
from edgebnn.farm.enroll import ask, enroll
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.reach import reach


def test_enrolled_it_is_reached(
    inventory: Callable[..., Inventory],
    as_board: dict[str, Any],
    address: Address,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    farm = inventory(bench=as_board)
    questions: list[str] = []
    assert not enroll(farm, "bench", lambda text: bool(questions.append(text)))
    assert questions
    assert not farm.known_hosts.exists()
    assert enroll(farm, "bench", lambda text: True)
    assert farm.known_hosts.read_text() == address.known_hosts.read_text().strip() + "\n"
    with reach("bench", farm, tmp_path) as host:
        assert host.run(["echo", "hello"]).stdout == "hello\n"
    printed = capsys.readouterr().out
    if keygen := shutil.which("ssh-keygen"):
        shown = subprocess.run(
            [keygen, "-lf", str(address.known_hosts)], check=True, capture_output=True, text=True
        )
        assert shown.stdout.split()[1] in printed
    assert enroll(farm, "bench", lambda text: pytest.fail("asked for a key that is pinned"))


def test_a_changed_key_is_shown_and_pinned_only_on_a_yes(
    inventory: Callable[..., Inventory],
    as_board: dict[str, Any],
    address: Address,
    capsys: pytest.CaptureFixture[str],
) -> None:
    farm = inventory(bench=as_board)
    old = f"{address.key_name} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDThpftLus7vKMEtfcODeRTrymPBAS/njoRp+Ux19uyY"
    other = "10.0.0.9 ssh-ed25519 AAAA"
    farm.known_hosts.write_text(f"# mine\n{other}\n{old}\n")
    assert not enroll(farm, "bench", lambda text: False)
    assert old in farm.known_hosts.read_text()
    assert "CHANGED" in capsys.readouterr().out
    assert enroll(farm, "bench", lambda text: True)
    lines = farm.known_hosts.read_text().splitlines()
    assert lines == ["# mine", other, address.known_hosts.read_text().strip()]


def test_a_host_may_be_an_alias_of_the_ssh_configuration(
    inventory: Callable[..., Inventory],
    as_board: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir(parents=True)
    (ssh / "config").write_text(
        f"Host pi\n HostName {as_board['host']}\n Port {as_board['port']}\n User {as_board['user']}\n"
        f" IdentityFile {as_board['identity_file']}\n StrictHostKeyChecking no\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    short = {"board": "bench", "target": "native"}
    farm = inventory(bench={**short, "host": "pi"})
    with (
        pytest.raises(InfrastructureError, match="not pinned"),
        reach("bench", farm, tmp_path),
    ):
        pass
    assert enroll(farm, "bench", lambda text: True)
    with reach("bench", farm, tmp_path) as host:
        assert host.run(["echo", "hello"]).stdout == "hello\n"


def test_what_cannot_be_enrolled_says_why(
    inventory: Callable[..., Inventory], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"devices\.one: a virtual device needs no enrolment"):
        enroll(inventory(one={"kind": "virtual"}), "one")
    gone = {"host": "127.0.0.1", "port": 1, "board": "b", "target": "native"}
    with pytest.raises(InfrastructureError, match=r"device gone \(.*127\.0\.0\.1, port 1\)"):
        enroll(inventory(gone=gone), "gone")
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    assert ask("the same?")
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    assert not ask("the same?")
