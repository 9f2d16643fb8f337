"""A folder of images by a small residual network: read in place, wherever the folder is, and nothing is packed."""

from __future__ import annotations

import json

import pytest

from tests.made_images import MODEL, make_images

from .conftest import Workflow
from .test_growth import would_run


@pytest.mark.slow
def test_a_folder_of_images_end_to_end(workflow: Workflow) -> None:
    experiment = {"name": "pets", "dataset": "pets", "model": "small", "methods": ["proposed"]}
    experiment["augmentation"] = {"flip": True}  # type: ignore[assignment]
    experiment["emulate"] = {"batch_size": 50, "micro_batch": 25, "epochs": 2}  # type: ignore[assignment]
    folder, models = workflow.folder / "data", workflow.folder / "models"

    def configure(**changes: object) -> None:
        where = {"data_dir": str(folder), "models": str(models)}
        workflow.configure(experiments=[experiment], memory=[], **where, **changes)

    models.mkdir()
    (models / "small.yaml").write_text(MODEL)
    configure()
    status, output = workflow.run()
    assert status != 0
    assert "data_dir" in output

    make_images(folder / "pets")
    (folder / "pets" / "train" / "n03" / "train_3_7.JPEG").write_bytes(b"no image")
    configure(broken_at_most=0)
    status, output = workflow.run()
    assert status != 0
    assert "broken_at_most is 0" in output
    assert "train_3_7.JPEG" in output

    folder = folder.rename(workflow.folder / "moved")
    configure()
    status, output = workflow.run()
    assert status == 0, output
    (path,) = (workflow.results / "emulate").glob("*.json")
    record = json.loads(path.read_text())
    parameters, metrics = record["parameters"], record["metrics"]
    assert (parameters["micro_batch"], parameters["augmentation_crop"]) == (25, "true")
    assert metrics["broken_images"]["value"] == 1
    assert metrics["steps"]["value"] == 8
    assert len(record["series"]["validation_accuracy"]) == 2
    (index,) = (workflow.results / "data").glob("*.ebd")
    assert index.stat().st_size < 20_000
    assert would_run(workflow) == {}
