"""Profiles in the workflow: a job for each method, whose figure the report shows."""

from __future__ import annotations

import json

import pytest

from .conftest import STUDY, Workflow


@pytest.fixture
def profiled(workflow: Workflow) -> Workflow:
    """Two methods and two seeds on a device, profiled."""
    (first, *_) = STUDY["experiments"]  # type: ignore[misc]
    device = {"batch_size": 100, "epochs": 1, "batches": 3, "profile": True}
    workflow.configure(
        experiments=[{**first, "seeds": [0, 1], "emulate": None, "device": device}], memory=[]
    )
    return workflow


def test_a_profile_is_a_job_for_each_method(profiled: Workflow) -> None:
    status, output = profiled.run("--dry-run", "--workflow-profile", "none")
    assert status == 0, output
    assert "rule profile_training" in output
    jobs = [line.split() for line in output.splitlines()]
    counted = {words[0]: words[1] for words in jobs if len(words) == 2}
    assert counted["profile_training"] == "2"
    assert counted["train_on_device"] == "4"
    assert not profiled.results.exists()


@pytest.mark.slow
def test_a_study_with_profiles_goes_through_and_repeats_nothing(profiled: Workflow) -> None:
    status, output = profiled.run()
    assert status == 0, output
    records = [json.loads(p.read_text()) for p in profiled.results.glob("profile/*.json")]
    assert {record["parameters"]["method"] for record in records} == {"standard", "proposed"}
    assert all(record["metrics"]["steps"]["value"] == 100 for record in records)
    page = (profiled.results / "report" / "index.html").read_text()
    assert page.count('class="profile"') == 2
    tracked = json.loads((profiled.results / "track" / "tiny.json").read_text())
    # Logged then, or before by what follows the study.
    in_mlflow = tracked["logged"] + tracked["unchanged"]
    assert sum("/profile/" in name for name in in_mlflow) == 2
    status, output = profiled.run("--dry-run", "--workflow-profile", "none")
    assert "Nothing to be done" in output
