"""A device whose watts are corrected trains its runs again, once; no other change of the farm does so."""

from __future__ import annotations

import json

import pytest
import yaml

from .conftest import STUDY, Workflow
from .test_growth import would_run

METER = {"kind": "declared", "idle_w": 1.5, "load_w": 3.0}
DEVICE = {"kind": "virtual", "meter": METER}
CORRECTED = {**DEVICE, "meter": {**METER, "load_w": 6.0}}


def watts(workflow: Workflow) -> float:
    (record,) = workflow.results.glob("device/*.json")
    return float(json.loads(record.read_text())["metrics"]["average_power_w"]["value"])


@pytest.mark.slow
def test_corrected_watts_train_again(workflow: Workflow) -> None:
    farm = workflow.folder / "farm.yaml"
    farm.write_text(yaml.safe_dump({"devices": {"v1": DEVICE}}))
    alone = {**STUDY["experiments"][0], "methods": ["proposed"], "emulate": None}  # type: ignore[index]
    workflow.configure(farm=str(farm), experiments=[alone], memory=[])
    status, output = workflow.run()
    assert status == 0, output
    assert watts(workflow) == pytest.approx(3.0)

    added = {"v1": DEVICE, "v2": {"kind": "virtual", "threads": 2}}
    farm.write_text(f"# a comment\n{yaml.safe_dump({'devices': added})}")
    renamed = farm.rename(workflow.folder / "boards.yaml")
    workflow.configure(farm=str(renamed), experiments=[alone], memory=[])
    assert would_run(workflow) == {}

    renamed.write_text(yaml.safe_dump({"devices": {"v1": CORRECTED}}))
    again = {"train_on_device": 1, "track_records": 1, "write_report": 1}
    assert would_run(workflow) == again
    status, output = workflow.run()
    assert status == 0, output
    assert watts(workflow) == pytest.approx(6.0)
    assert would_run(workflow) == {}


def test_runs_that_name_devices_wait_for_these_alone(workflow: Workflow) -> None:
    """Else those of one device would fill the slots of the whole board."""
    farm = workflow.folder / "farm.yaml"
    devices = {name: {"kind": "virtual"} for name in ("v1", "v2", "v3")}
    farm.write_text(yaml.safe_dump({"devices": devices}))
    free = {**STUDY["experiments"][0], "emulate": None}  # type: ignore[index]
    named = {**free, "name": "named", "device": {**free["device"], "devices": ["v3", "v1"]}}
    workflow.configure(farm=str(farm), experiments=[free, named], memory=[])
    status, output = workflow.run("--dry-run", "--workflow-profile", "none")
    assert status == 0, output
    resources = [line for line in output.splitlines() if "board_virtual=1" in line]
    assert len(resources) == 4
    assert sum("board_virtual_devices_v1_v3=1" in line for line in resources) == 2
