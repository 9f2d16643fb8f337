"""Results folders that log to one store leave each other's runs alone; a data set is its bytes."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from edgebnn.data.sources import DATASETS
from edgebnn.tracking.owner import FILE, owner_of
from edgebnn.tracking.track import track

from .test_track import child, empty_store, reader, runs_of, state, study, write_record

__all__ = ["empty_store", "study"]  # fixtures


def log(folder: Path, store: Path) -> dict[str, Any]:
    """Tracks one record of a folder in the store of another."""
    output = folder / "track.json"
    uri = f"sqlite:///{store}/mlflow.db"
    track([folder / "device" / "d1.json"], folder / "plan.json", uri, output)
    return dict(json.loads(output.read_text()))


@pytest.fixture
def other(study: Path) -> Path:
    """A second results folder of the same study, with another outcome."""
    folder = study.with_name("other")
    shutil.copytree(study, folder)
    (folder / "mlflow.db").unlink()
    write_record(folder, "device", "d1", accuracy=0.5)
    return folder


def test_two_folders_in_one_store(study: Path, other: Path) -> None:
    assert log(study, study)["logged"] == ["digits/device/d1"]
    before = state(study)
    assert log(other, study)["logged"] == ["digits/device/d1"]
    assert [entry for entry in state(study) if entry in before] == before
    accuracies = [
        run.data.metrics["test_accuracy"]
        for run in runs_of(study)
        if "test_accuracy" in run.data.metrics
    ]
    assert sorted(accuracies) == [0.5, 0.9]
    both = state(study)
    assert log(study, study)["unchanged"] == log(other, study)["unchanged"] == ["digits/device/d1"]
    assert state(study) == both
    write_record(other, "device", "d1", accuracy=0.6)
    assert log(other, study)["replaced"] == ["digits/device/d1"]
    assert [entry for entry in state(study) if entry in before] == before


def test_a_moved_folder_replaces_its_own(study: Path, other: Path) -> None:
    log(other, study)
    moved = other.rename(other.with_name("moved"))
    write_record(moved, "device", "d1", accuracy=0.7)
    assert log(moved, study)["replaced"] == ["digits/device/d1"]


def test_identities(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    mine = owner_of(first, None).identity
    assert owner_of(first, None).identity == mine
    assert owner_of(second, None).identity != mine
    assert owner_of(second, second / "mlflow.db").own_store
    assert not owner_of(second, first / "mlflow.db").own_store
    link = tmp_path / "link"
    link.symlink_to(first)
    assert owner_of(link, None).identity == mine
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    assert owner_of(copy, copy / "mlflow.db").identity == mine  # its store was copied too
    assert owner_of(copy, None).identity != mine
    assert owner_of(first, None).identity == mine
    moved = first.rename(tmp_path / "moved")
    link.unlink()
    assert owner_of(moved, None).identity == mine
    (second / FILE).write_text("no identity")
    assert len(owner_of(second, None).identity) == 16


def test_runs_of_an_earlier_version(study: Path, other: Path) -> None:
    log(study, study)
    run = child(study, "digits", "device").info.run_id
    reader(study).delete_tag(run, "edgebnn.results")
    assert log(other, study)["logged"] == ["digits/device/d1"]
    write_record(study, "device", "d1", accuracy=0.95)
    assert log(study, study)["replaced"] == ["digits/device/d1"]


@pytest.mark.parametrize(
    ("parameters", "digest", "kind", "form"),
    [
        (
            {"dataset": "flowers", "data_digest": "a" * 16, "input": "32x32x3", "classes": 5},
            "a" * 16,
            "local",
            {"shape": [32, 32, 3], "classes": 5},
        ),
        (
            {"dataset": "mnist", "data_digest": "b" * 16, "input": "28x28x1", "classes": 10},
            "b" * 16,
            "local",
            {"shape": [28, 28, 1], "classes": 10},
        ),
        (
            {"data_digest": DATASETS["mnist"].files[0].sha256[:16], "input": "28x28x1", "classes": 10},
            DATASETS["mnist"].files[0].sha256[:16],
            "http",
            {"shape": [28, 28, 1], "classes": 10},
        ),
        ({"input": "28x28x1", "classes": 10}, "any-28x28x1", "local", {"shape": [28, 28, 1], "classes": 10}),
    ],
)  # fmt: skip
def test_a_data_set_is_its_bytes(
    study: Path, parameters: dict[str, Any], digest: str, kind: str, form: dict[str, Any]
) -> None:
    write_record(study, "device", "d1", **parameters)
    log(study, study)
    (described,) = child(study, "digits", "device").inputs.dataset_inputs
    found = described.dataset
    assert (found.digest, found.source_type) == (digest, kind)
    assert json.loads(found.profile) == form


def test_those_who_meet_at_a_new_folder_agree(tmp_path: Path) -> None:
    start = Barrier(8)

    def identity() -> str:
        start.wait()
        return owner_of(tmp_path, None).identity

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(identity) for _ in range(8)]
    assert len({answer.result() for answer in found}) == 1
