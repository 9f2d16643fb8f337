"""The Keras baseline in the workflow: a job for each network, beside the device's, under the same leases."""

from __future__ import annotations

import json

import pytest

from .conftest import STUDY, Workflow


@pytest.fixture
def compared(workflow: Workflow) -> Workflow:
    """One method on a device, and both baselines beside it."""
    (first, *_) = STUDY["experiments"]  # type: ignore[misc]
    device = {"batch_size": 100, "epochs": 1, "batches": 3}
    asked = {**first, "methods": ["proposed"], "emulate": None, "device": device, "baseline": {}}
    workflow.configure(experiments=[asked], memory=[])
    return workflow


def test_a_baseline_is_a_job_for_each_network(compared: Workflow) -> None:
    status, output = compared.run("--dry-run", "--workflow-profile", "none")
    assert status == 0, output
    assert "rule train_baseline" in output
    jobs = [line.split() for line in output.splitlines() if line.startswith("train_")]
    assert {words[0]: int(words[1]) for words in jobs} == {
        "train_baseline": 2,
        "train_on_device": 1,
    }
    slots = [line for line in output.splitlines() if "board_virtual=1" in line]
    assert len(slots) == 3  # each of the three takes a device of the board
    assert not compared.results.exists()


@pytest.mark.slow
def test_a_study_with_a_baseline_goes_through_and_repeats_nothing(compared: Workflow) -> None:
    status, output = compared.run()
    assert status == 0, output
    records = [json.loads(p.read_text()) for p in compared.results.glob("baseline/*.json")]
    assert {record["parameters"]["method"] for record in records} == {
        "keras-standard",
        "keras-float32",
    }
    assert all(record["metrics"]["steps"]["value"] == 3 for record in records)
    page = (compared.results / "report" / "index.html").read_text()
    assert "keras-standard" in page
    tracked = json.loads((compared.results / "track" / "tiny.json").read_text())
    # Logged then, or before by what follows the study.
    in_mlflow = tracked["logged"] + tracked["unchanged"]
    assert sum("/baseline/" in name for name in in_mlflow) == 2
    status, output = compared.run("--dry-run", "--workflow-profile", "none")
    assert "Nothing to be done" in output
