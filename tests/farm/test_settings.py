"""What of a device changes a figure makes its records anew; what does not, does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebnn.farm.inventory import Inventory
from edgebnn.farm.settings import changes, replaces, settings
from edgebnn.record import Provenance, Record, read_record
from edgebnn.study.config import parse

BENCH = {
    "host": "10.0.0.1", "user": "pi", "board": "rpi3b+", "target": "aarch64-linux",
    "meter": {"kind": "declared", "idle_w": 1.9, "load_w": 3.7},
}  # fmt: skip


def inventory(**devices: Any) -> Inventory:
    return parse(Inventory, {"devices": devices}, "farm.yaml")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Of a run on the device `bench`."""
    path = tmp_path / "run.json"
    Record(
        stage="device",
        run_id="r",
        parameters={"board": "rpi3b+", **settings(inventory(bench=BENCH).devices["bench"])},
        metrics={},
        provenance=Provenance(
            git_commit="c", host="bench", machine="Linux", versions={}, started="2026-01-02"
        ),
    ).write(path)
    return path


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"meter": {"kind": "declared", "idle_w": 2.0, "load_w": 3.7}}, "meter"),
        ({"meter": {"kind": "declared", "idle_w": 1.9, "load_w": 4.0}}, "meter"),
        ({"meter": None}, "meter"),
        ({"threads": 4}, "threads"),
        ({"target": "armv7-linux"}, "target"),
        ({"target": "armv7-linux", "threads": 2}, "target, threads"),
    ],
)
def test_what_changes_a_figure(record: Path, change: dict[str, Any], named: str) -> None:
    farm = inventory(bench={**BENCH, **change})
    assert changes(read_record(record), farm) == named.split(", ")
    assert replaces(record, farm) == "2026-01-02"


def test_what_changes_a_baseline_is_told_apart(record: Path) -> None:
    """Another Python changes what Keras takes, not what the trainer does."""
    device = inventory(bench=BENCH).devices["bench"]
    keras = read_record(record).model_copy(
        update={
            "stage": "baseline",
            "parameters": {"board": "rpi3b+", **settings(device, "baseline")},
        }
    )
    other = inventory(bench={**BENCH, "python": "python3.9"})
    assert (changes(keras, other), changes(read_record(record), other)) == (["python"], [])
    assert changes(keras, inventory(bench={**BENCH, "threads": 4})) == ["threads"]


def test_a_limit_that_comes_or_goes_changes_a_figure(record: Path) -> None:
    limited = {**BENCH, "memory_limit_mib": 900}
    assert changes(read_record(record), inventory(bench=limited)) == ["memory_limit_mib"]
    parameters = settings(inventory(bench=limited).devices["bench"])
    old = read_record(record)
    under = old.model_copy(update={"parameters": {**old.parameters, **parameters}})
    assert changes(under, inventory(bench=limited)) == []
    assert changes(under, inventory(bench=BENCH)) == ["memory_limit_mib"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"host": "elsewhere", "port": 2222},
        {"user": "anna"},
        {"identity_file": "~/.ssh/other"},
        {"threads": 1},  # the default, spelled out
        {"meter": {"load_w": 3.7, "idle_w": 1.90, "kind": "declared"}},
    ],
)
def test_what_changes_none(record: Path, change: dict[str, Any]) -> None:
    farm = inventory(bench={**BENCH, **change})
    assert changes(read_record(record), farm) == []
    assert replaces(record, farm) == ""


@pytest.mark.parametrize(
    "devices",
    [
        {"bench": BENCH, "bench-2": {**BENCH, "threads": 4, "meter": None}},
        {"bench": BENCH, "pi4": {**BENCH, "board": "rpi4", "threads": 4}},
        {
            "pi4": {**BENCH, "threads": 2}
        },  # taken off the farm: what it measured is as true as before
        {"bench": {**BENCH, "board": "rpi4", "threads": 4}},  # the name is another board's now
    ],
)
def test_other_devices_change_none(record: Path, devices: dict[str, Any]) -> None:
    assert changes(read_record(record), inventory(**devices)) == []


def test_a_virtual_device_that_became_a_board(record: Path) -> None:
    virtual = {key: value for key, value in BENCH.items() if key not in ("host", "user")}
    farm = inventory(bench={**virtual, "kind": "virtual"})
    assert changes(read_record(record), farm) == ["kind"]


def test_a_plug_that_moved_is_the_same_meter_and_another_outlet_is_not() -> None:
    plug = {"kind": "shelly", "address": "10.0.0.5"}
    moved = {**plug, "address": "plug.lan:8080"}
    other = {**plug, "channel": 1}
    was, now, differs = (
        settings(inventory(bench={**BENCH, "meter": meter}).devices["bench"])
        for meter in (plug, moved, other)
    )
    assert was == now
    assert was != differs


def test_what_was_made_anew_stays(record: Path) -> None:
    farm = inventory(bench={**BENCH, "threads": 2})
    old = read_record(record)
    again = old.provenance.model_copy(
        update={"started": "2026-01-03", "replaces": replaces(record, farm)}
    )
    parameters = {**old.parameters, **settings(farm.devices["bench"])}
    old.model_copy(update={"provenance": again, "parameters": parameters}).write(record)
    assert replaces(record, farm) == "2026-01-02"  # as the rule was told when it ran
    assert replaces(record, inventory(bench=BENCH)) == "2026-01-03"


def test_a_record_that_is_not_there_or_damaged_replaces_none(tmp_path: Path, record: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text(record.read_text()[:100])
    assert [replaces(path, inventory()) for path in (tmp_path / "none.json", damaged)] == ["", ""]
