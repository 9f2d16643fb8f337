"""A data file that is overwritten is trained on anew; one that is moved, touched or brought back is not."""

from __future__ import annotations

import os

import pytest

from tests.study.test_dependence import write

from .conftest import Workflow
from .test_growth import would_run


@pytest.mark.slow
def test_the_bytes_decide(workflow: Workflow) -> None:
    experiment = {"name": "a", "dataset": "toy", "model": "mlp", "methods": ["proposed"]}
    experiment["device"] = {"batch_size": 100, "epochs": 1}  # type: ignore[assignment]
    folder = workflow.folder / "data"

    def configure() -> None:
        workflow.configure(experiments=[experiment], memory=[], data_dir=str(folder))

    folder.mkdir()
    write(folder / "toy.npz", seed=0)
    configure()
    status, output = workflow.run()
    assert status == 0, output
    assert would_run(workflow) == {}

    os.utime(folder / "toy.npz")
    folder = folder.rename(workflow.folder / "moved")
    configure()
    assert would_run(workflow) == {}

    write(folder / "toy.npz", seed=1)
    anew = {"pack_data": 1, "train_on_device": 1, "track_records": 1, "write_report": 1}
    assert would_run(workflow) == anew
    status, output = workflow.run()
    assert status == 0, output
    assert would_run(workflow) == {}

    write(folder / "toy.npz", seed=0)
    assert would_run(workflow) == {"track_records": 1, "write_report": 1}
