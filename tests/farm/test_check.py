"""What a check finds, on a real connection with programs of the test's."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgebnn.cli import main
from edgebnn.farm.check import (
    Finding,
    _architecture,
    _clock,
    _cores,
    _governor,
    _temperature,
    _throttling,
    check,
)
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.tables import check_all, checked_table
from edgebnn.farm.virtual import virtual_host

VIRTUAL = Device.model_validate({"kind": "virtual"})


def test_a_healthy_device(host: Host) -> None:
    health = check(host, VIRTUAL)
    assert health.errors == ""
    texts = [found.text for found in health.findings]
    assert texts[0] == platform.machine()
    assert re.fullmatch(r"\d+ cores?", texts[1])
    assert texts[2].startswith("free memory ")
    assert texts[3].startswith("free disk ")
    assert health.machine.startswith(f"{platform.system()} {platform.release()}")


@pytest.mark.parametrize(
    ("target", "machine", "level"),
    [
        ("aarch64-linux", "aarch64", "ok"),
        ("aarch64-linux", "armv7l", "error"),
        ("armv7-linux", "aarch64", "ok"),  # a 64-bit kernel under a 32-bit system
        ("armv7-linux", "x86_64", "error"),
        ("armv7-linux", "armv6l", "error"),
        ("armv6-linux", "armv6l", "ok"),
        ("armv6-linux", "armv7l", "ok"),
        ("native", platform.machine(), "ok"),
        ("native", "riscv64", "error"),
    ],
)
def test_another_architecture_is_an_error(target: str, machine: str, level: str) -> None:
    device = Device.model_validate({"host": "h", "board": "b", "target": target})
    found = _architecture(device, machine)
    assert found.level == level
    assert machine in found.text
    assert (f"but target {target} is for" in found.text) == (level == "error")


@pytest.mark.parametrize(
    ("target", "emulator"), [("aarch64-linux", "qemu-aarch64"), ("armv6-linux", "qemu-arm")]
)
def test_an_emulator_that_is_not_there_is_an_error(
    target: str, emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    needed = ("flock", "sha256sum", "setsid", "timeout")
    for name in ("sh", "uname", "cat", "sed", "head", "tr", "df", *needed):
        (programs / name).symlink_to(next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists()))  # fmt: skip
    monkeypatch.setenv("PATH", str(programs))
    device = Device.model_validate({"kind": "virtual", "target": target})
    with (
        virtual_host("one", 0, tmp_path / "one", "farm.yaml") as address,
        connect("one", address) as host,
    ):
        assert check(host, device).errors == f"has no program {emulator}"


@pytest.mark.parametrize(
    ("word", "level", "text"),
    [
        ("0x0", None, ""),
        (None, None, ""),
        ("VCHI initialization failed", "warning", "throttling unknown: vcgencmd says 'VCHI init"),
        ("", "warning", "unknown"),
        ("throttled=0x50000", "warning", "undervoltage, throttled since boot"),
        ("0x50005", "error", "undervoltage, throttled now"),
        ("0x80008", "error", "soft temperature limit now"),
    ],
)
def test_throttling(word: str | None, level: str | None, text: str) -> None:
    findings = _throttling(word)
    assert [found.level for found in findings] == ([level] if level else [])
    assert all(text in found.text for found in findings)


def test_temperature_and_governor() -> None:
    levels = [_temperature(word)[0].level for word in ("45000", "70000", "84000")]
    assert levels == ["ok", "warning", "error"]
    assert _temperature("") == _governor("") == []
    assert [_governor(word)[0].level for word in ("performance", "powersave")] == ["ok", "warning"]


def test_cores_for_its_threads() -> None:
    four = Device.model_validate({"kind": "virtual", "threads": 4})
    assert _cores(four, "4") == Finding("ok", "4 cores")
    assert _cores(four, "") == Finding("warning", "cores unknown")
    assert _cores(four, "1").text == "1 core for 4 threads: they wait for each other"
    assert _cores(four, "1").level == "warning"


@pytest.mark.parametrize(
    ("ahead", "level", "text"),
    [
        ("0", "ok", "clock right"),
        ("-4", "ok", "clock right"),
        ("86400", "warning", "clock 24 h ahead; is"),
        ("-1700000000", "warning", "clock 19675 days behind; is"),
        ("", "warning", "clock unknown"),
    ],
)
def test_clock(ahead: str, level: str, text: str) -> None:
    found = _clock(ahead)
    assert (found.level, found.text[: len(text)]) == (level, text)


@pytest.mark.parametrize(
    ("says", "text"),
    [
        ("expr $(/bin/date +%s) + 88200", "clock 24 h ahead"),
        ("/bin/date +%s", "clock right"),
        ("echo at noon", "clock unknown"),
    ],
)
def test_a_clock_that_is_wrong_is_shown(
    says: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "date"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    board = Device.model_validate({"host": "h", "board": "b", "target": "native"})
    with (
        virtual_host("one", 0, tmp_path / "one", "farm.yaml") as address,
        connect("one", address) as host,
    ):
        (found,) = (f for f in check(host, board).findings if f.text.startswith("clock "))
    assert found.text.startswith(text)


def test_all_devices_are_shown_with_their_reasons(
    inventory: Callable[..., Inventory],
    as_board: dict[str, Any],
    build: Callable[..., Path],
    tmp_path: Path,
) -> None:
    console = Console(record=True, width=300)
    farm = inventory(good={"kind": "virtual"}, stranger=as_board)
    found = check_all(farm, tmp_path / "virtual", build())
    assert [checked.state == "error" for checked in found.values()] == [False, True]
    console.print(checked_table(farm, found))
    text = console.export_text()
    for word in ("good", platform.machine(), "stranger", "not pinned", "farm enroll stranger"):
        assert word in text


def test_programs_read_what_people_read(
    inventory: Callable[..., Inventory],
    as_board: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    farm = inventory(good={"kind": "virtual", "threads": 2}, stranger=as_board)
    assert main(["farm", "list", "--json", "--farm", str(farm.path)]) == 0
    listed = {row["device"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["good"]["threads"] == 2
    assert listed["good"]["board"] == "virtual"
    assert listed["stranger"]["port"] == as_board["port"]
    asked = [
        "--farm",
        str(farm.path),
        "--virtual",
        str(tmp_path),
        "--build",
        str(tmp_path / "none"),
    ]
    assert main(["farm", "check", "--json", *asked]) == 3
    good, stranger = json.loads(capsys.readouterr().out)
    assert good["device"] == "good"
    assert good["state"] == "warning"  # its trainer is not built
    assert {"level": "ok", "text": platform.machine()} in good["findings"]
    assert stranger["state"] == "error"
