"""A server with PostgreSQL behind it, and many who log at once: each run is there once, and whole."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgebnn.tracking.child import log_dataset
from edgebnn.tracking.store import open_store

from .server import PG_CTL, mlflow_server, postgresql
from .test_track import EPOCHS, Forked, empty_store, forked, record_of, study, write_record

__all__ = ["empty_store", "forked", "study"]  # fixtures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PG_CTL is None, reason="no PostgreSQL (Debian: postgresql)"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        postgresql() as store,
        mlflow_server(tmp_path_factory.mktemp("server"), store, "--workers", "2") as address,
    ):
        yield address


def test_those_who_log_at_once(study: Path, server: str, forked: Forked) -> None:
    twin, other = study.with_name("twin"), study.with_name("other")
    for folder, name in ((twin, "trial"), (other, "another")):
        shutil.copytree(study, folder)
        plan = json.loads((study / "plan.json").read_text())
        (folder / "plan.json").write_text(json.dumps(plan | {"study": name}))
    write_record(twin, "device", "d1", accuracy=0.5)
    folders = (study, twin, other)

    statuses = forked(*folders, *folders, study, uri=server)
    assert statuses == [0] * 7, [
        (folder.name, said.read_text()) for folder in folders if (said := folder / "said").exists()
    ]

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    for name, owners in (("trial", 2), ("another", 1)):
        where = client.get_experiment_by_name(name).experiment_id
        runs = list(client.search_runs([where]))
        assert {run.info.status for run in runs} == {"FINISHED"}
        parents = [run for run in runs if run.data.tags["edgebnn.kind"] == "experiment"]
        children = [run for run in runs if run.data.tags["edgebnn.kind"] == "run"]
        assert (len(parents), len(children)) == (2 * owners, 4 * owners)
        whose = ("results", "experiment", "stage", "run_id")
        keys = Counter(tuple(run.data.tags[f"edgebnn.{key}"] for key in whose) for run in children)
        assert set(keys.values()) == {1}
        for run in children:
            assert len(run.data.params) == 124
            if run.data.tags["edgebnn.stage"] != "memory":
                loss = client.get_metric_history(run.info.run_id, "loss")
                assert sorted((m.step, m.value) for m in loss) == [
                    (epoch, 1 / epoch) for epoch in range(1, EPOCHS + 1)
                ]
                files = client.list_artifacts(run.info.run_id, "files")
                assert len(files) == 2


def test_those_who_bring_the_same_data_set_at_once(server: str) -> None:
    start = threading.Barrier(4)
    with open_store(server) as client, ThreadPoolExecutor(4) as pool:
        where = client.create_experiment("data sets")
        runs = [client.create_run(where).info.run_id for _ in range(4)]

        def log(run: str, digest: str) -> None:
            record = record_of(0)
            record.parameters["data_digest"] = digest
            start.wait()
            log_dataset(client, run, record)

        for digest in "0123456789":
            for done in [pool.submit(log, run, digest) for run in runs]:
                done.result()
        for run in runs:
            assert len(client.get_run(run).inputs.dataset_inputs) == 10
