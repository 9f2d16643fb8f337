"""A run's trained network is a model of MLflow's: it predicts what the trainer does, and goes with its run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import read_packed
from edgebnn.record import Artifact, file_sha256, read_record

from ..trainer.conftest import data, job, programs
from ..trainer.test_predict import labels_of
from .test_track import child, empty_store, reader, run_track, study

__all__ = ["data", "empty_store", "job", "programs", "study"]  # fixtures


def with_network(study: Path, network: Path) -> None:
    """Gives the device's record this network."""
    path = study / "device" / "d1.json"
    shutil.copy(network, study / "device" / "real.ebn")
    artifact = Artifact(path="real.ebn", sha256=file_sha256(network))
    record = read_record(path)
    record.model_copy(update={"artifacts": {**record.artifacts, "network": artifact}}).write(path)


def models(study: Path) -> list[Any]:
    client = reader(study)
    where = client.get_experiment_by_name("trial").experiment_id
    return list(client.search_logged_models([where]))


@pytest.mark.heavy
def test_a_network_is_a_model_that_predicts(
    study: Path, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = job.folder / "network.ebn"
    job.keys = {"epochs": 1}
    job.record("--export", network)
    with_network(study, network)
    run_track(study)
    run = child(study, "digits", "device")
    (model,) = models(study)
    assert (model.name, model.source_run_id, str(model.status)) == (
        "network",
        run.info.run_id,
        "READY",
    )
    (output,) = run.outputs.model_outputs
    assert output.model_id == model.model_id
    assert model.params["dataset"] == "mnist"

    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{study}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{study}/mlflow.db")
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    images = read_packed(job.data).test.images
    wanted, _ = labels_of(job, network)
    assert (np.asarray(loaded.predict(np.ascontiguousarray(images))["label"]) == wanted).all()
    example = np.asarray(loaded.input_example["image"], np.uint8)
    assert example.shape == (1, *images.shape[1:])
    assert loaded.predict({"image": example})["logits"].shape == (1, 4)
    assert "image" in str(loaded.metadata.signature)

    moved = study.rename(study.with_name("moved"))
    run_track(moved)  # the model follows
    mlflow.set_tracking_uri(f"sqlite:///{moved}/mlflow.db")
    assert mlflow.pyfunc.load_model(f"models:/{model.model_id}").metadata.signature
    study = moved.rename(study)
    run_track(study)

    with_network(study, network)  # nothing changes
    run_track(study)
    assert [found.model_id for found in models(study)] == [model.model_id]
    (study / "device" / "real.ebn").unlink()
    record = read_record(study / "device" / "d1.json")
    left = {name: each for name, each in record.artifacts.items() if name != "network"}
    record.model_copy(update={"artifacts": left}).write(study / "device" / "d1.json")
    run_track(study)
    assert models(study) == []


def test_what_is_no_network_is_said_and_stops_nothing(study: Path) -> None:
    run_track(study)
    assert models(study) == []
    assert "cut short" in child(study, "digits", "device").data.tags["note.network"]
