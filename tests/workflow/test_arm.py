"""The whole pipeline on virtual boards of every ARM target: built, pushed, trained under qemu, tracked, reported."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from edgebnn.farm.inventory import Device
from edgebnn.trainer.build import TARGETS

from .conftest import STUDY, Workflow

BOARDS = {target.split("-")[0]: target for target in TARGETS if target != "native"}
EMULATORS = {
    Device.model_validate({"kind": "virtual", "target": target}).emulator[0]
    for target in BOARDS.values()
}


@pytest.mark.slow
def test_a_study_on_arm(workflow: Workflow) -> None:
    for emulator in EMULATORS:
        if shutil.which(emulator) is None:
            pytest.skip(f"{emulator} is not installed")
    farm = workflow.folder / "farm.yaml"
    devices = {
        f"{board}-1": {"kind": "virtual", "board": board, "target": target}
        for board, target in BOARDS.items()
    }
    farm.write_text(yaml.safe_dump({"devices": {"here": {"kind": "virtual"}, **devices}}))
    device = {"boards": ["virtual", *BOARDS], "batch_size": 200, "epochs": 2}
    alone = {**STUDY["experiments"][0], "device": device, "emulate": None}  # type: ignore[index]
    workflow.configure(farm=str(farm), experiments=[alone], memory=[])
    status, output = workflow.run()
    assert status == 0, output

    found = {}
    for path in workflow.results.glob("device/*.json"):
        record = json.loads(path.read_text())
        found[record["parameters"]["board"], record["parameters"]["method"]] = record
    assert found.keys() == {
        (board, method) for board in ("virtual", *BOARDS) for method in ("standard", "proposed")
    }
    for (board, method), record in found.items():
        here = found["virtual", method]
        assert record["provenance"]["virtual"] is True
        assert ("under qemu-" in record["provenance"]["machine"]) == (board != "virtual")
        assert record["parameters"]["target"] == BOARDS.get(board, "native")
        for (_, mine), (_, other) in zip(
            here["series"]["loss"], record["series"]["loss"], strict=True
        ):
            assert other == pytest.approx(mine, rel=1e-5)
        accuracy = record["metrics"]["test_accuracy"]["value"]
        assert accuracy == here["metrics"]["test_accuracy"]["value"]
    page = (workflow.results / "report" / "index.html").read_text()
    for board in BOARDS:
        assert f"{board}-1" in page
