"""A plan's files: complete or absent, and untouched while they are right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.study.config import parse_study
from edgebnn.study.files import write_plan
from edgebnn.study.plan import Plan, make_plan
from edgebnn.study.run import Run
from edgebnn.summary import read_summary

MODELS = str(Path(__file__).parents[2] / "config" / "models")


def plan(*seeds: int) -> Plan:
    experiment = {
        "name": "a",
        "dataset": "digits",
        "model": "mlp",
        "methods": ["proposed"],
        "seeds": list(seeds),
        "emulate": {"batch_size": 100, "epochs": 2},
    }
    document = {"study": "s", "models": MODELS, "experiments": [experiment]}
    return make_plan(parse_study(document, "my.yaml"), {})


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def age(folder: Path) -> None:
    """Sets every file's time stamp to the year 2001."""
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))


def touched(folder: Path) -> set[str]:
    """Names of the files written since `age`."""
    return {path.name for path in folder.rglob("*.json") if path.stat().st_mtime != 1e9}


def test_every_run_and_the_summary(tmp_path: Path) -> None:
    planned = plan(0, 1)
    write_plan(planned, tmp_path)
    assert len(files(tmp_path)) == 3 + 1  # a row of the memory model, two seeds; the summary
    for stage, runs in planned.runs.items():
        for run_id, run in runs.items():
            path = tmp_path / "runs" / stage / f"{run_id}.json"
            assert Run.model_validate_json(path.read_bytes()) == run
    assert read_summary(tmp_path / "plan.json").study == "s"


def test_another_run_touches_no_file_but_its_own_and_the_summary(tmp_path: Path) -> None:
    write_plan(plan(0, 1), tmp_path)
    age(tmp_path)
    write_plan(plan(0, 1), tmp_path)
    assert touched(tmp_path) == set()
    longer = plan(0, 1, 2)
    write_plan(longer, tmp_path)
    (new,) = set(longer.runs["emulate"]) - set(plan(0, 1).runs["emulate"])
    assert touched(tmp_path) == {"plan.json", f"{new}.json"}


def test_damage_is_mended(tmp_path: Path) -> None:
    write_plan(plan(0, 1), tmp_path)
    right = files(tmp_path)
    age(tmp_path)
    deleted, cut = sorted((tmp_path / "runs" / "emulate").iterdir())
    deleted.unlink()
    cut.write_bytes(cut.read_bytes()[:100])
    write_plan(plan(0, 1), tmp_path)
    assert files(tmp_path) == right
    assert touched(tmp_path) == {deleted.name, cut.name}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the folder's place")
    with pytest.raises(InfrastructureError, match=r"runs/memory/.*\.json: cannot be written"):
        write_plan(plan(0), tmp_path)


def test_the_plans_records_are_those_that_are_there(tmp_path: Path) -> None:
    planned = plan(0, 1)
    write_plan(planned, tmp_path)
    summary = read_summary(tmp_path / "plan.json")
    assert summary.records(tmp_path) == []
    first = next(iter(planned.runs["emulate"]))
    (tmp_path / "emulate").mkdir()
    for name in (first, "stranger"):
        (tmp_path / "emulate" / f"{name}.json").write_text("{}")
    assert summary.records(tmp_path) == [tmp_path / "emulate" / f"{first}.json"]
