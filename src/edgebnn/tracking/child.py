"""A record as a run of MLflow: numbers, curves, files, the data set; whole, or logged again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edgebnn.data.digest import digest_of
from edgebnn.data.sources import DATASETS
from edgebnn.errors import InfrastructureError
from edgebnn.record import Record, file_sha256
from edgebnn.tracking.network import ARTIFACT, delete_networks, log_network
from edgebnn.tracking.owner import TAG, Owner
from edgebnn.tracking.store import twice

METRICS_A_CALL = 1000
PARAMS_A_CALL = 100
"""MLflow's limits for one `log_batch`."""


@dataclass(frozen=True)
class Child:
    """A record as an experiment asks for it."""

    experiment: str
    method: str
    path: Path
    record: Record
    digest: str

    @property
    def name(self) -> str:
        """The run's name in MLflow: `proposed-device-rpi3b+-s0`."""
        return name_of(self.method, self.record.stage, self.record.parameters)


def name_of(method: str, stage: str, parameters: Mapping[str, object]) -> str:
    """Of a run in MLflow."""
    parts = [method, stage, parameters.get("board")]
    if "seed" in parameters:
        parts.append(f"s{parameters['seed']}")
    return "-".join(str(part) for part in parts if part)


def log_once(
    client: Any, where: str, parent: str, child: Child, existing: list[Any], *, owner: Owner
) -> str:
    """Logs a record, unless a complete run of it is there; returns what was done: logged, replaced or unchanged.

    Args:
        client: MLflow's.
        where: id of the MLflow experiment.
        parent: id of the run of the child's experiment.
        existing: runs of this record, of the same results folder.
        owner: the results folder.

    Raises:
        InfrastructureError: an artifact is missing or another one.
    """
    kept, old = None, []
    for run in existing:
        tags = run.data.tags
        complete = (
            run.info.status == "FINISHED"
            and tags.get("edgebnn.digest") == child.digest
            and tags.get("edgebnn.method") == child.method
            and tags.get("mlflow.parentRunId") == parent
        )
        if complete and kept is None:
            kept = run
        else:
            old.append(run)
    if kept is None:
        _log(client, where, owner, parent, child)
    for run in old:
        delete_networks(client, run)
        client.delete_run(run.info.run_id)
    if kept is not None:
        return "unchanged"
    return "replaced" if existing else "logged"


def _log(client: Any, where: str, owner: Owner, parent: str, child: Child) -> None:
    record = child.record
    started = _milliseconds(record.provenance.started)
    tags = {
        "mlflow.parentRunId": parent,
        "mlflow.source.git.commit": record.provenance.git_commit,
        TAG: owner.identity,
        "edgebnn.kind": "run",
        "edgebnn.experiment": child.experiment,
        "edgebnn.stage": record.stage,
        "edgebnn.run_id": record.run_id,
        "edgebnn.method": child.method,
        "edgebnn.device": record.provenance.host,
        "edgebnn.machine": record.provenance.machine,
        "edgebnn.virtual": str(record.provenance.virtual).lower(),
        **{f"source.{name}": metric.source for name, metric in record.metrics.items()},
        **{f"note.{name}": text for name, text in record.notes.items()},
        **{f"version.{name}": text for name, text in record.provenance.versions.items()},
    }
    if board := record.parameters.get("board"):
        tags["edgebnn.board"] = str(board)
    run = client.create_run(where, start_time=started, tags=tags, run_name=child.name).info.run_id
    _log_files(client, run, child)
    _log_numbers(client, run, record, started)
    log_dataset(client, run, record)
    if network := record.artifacts.get(ARTIFACT):
        log_network(client, where, run, record, child.path.parent / network.path)
    client.set_tag(run, "edgebnn.digest", child.digest)
    ended = max(started, int(child.path.stat().st_mtime * 1000))
    client.set_terminated(run, "FINISHED", end_time=ended)


def _log_numbers(client: Any, run: str, record: Record, started: int) -> None:
    """Parameters, scalars (step 0) and series, in batches that MLflow takes."""
    from mlflow.entities import Metric

    metrics = [Metric(name, metric.value, started, 0) for name, metric in record.metrics.items()]
    for name, points in record.series.items():
        # As MLflow's own system metrics are: by time in seconds, and its steps are integers.
        by_time = name.startswith(("system/", "profile/"))
        for index, (step, value) in enumerate(points):
            at = (started + round(step * 1000), index) if by_time else (started, int(step))
            metrics.append(Metric(name, value, *at))
    for start in range(0, len(metrics), METRICS_A_CALL):
        client.log_batch(run, metrics=metrics[start : start + METRICS_A_CALL])
    log_params(client, run, record.parameters)


def log_params(client: Any, run: str, parameters: Mapping[str, object]) -> None:
    """In batches that MLflow takes."""
    from mlflow.entities import Param

    params = [Param(name, str(value)) for name, value in parameters.items()]
    for start in range(0, len(params), PARAMS_A_CALL):
        client.log_batch(run, params=params[start : start + PARAMS_A_CALL])


def log_dataset(client: Any, run: str, record: Record) -> None:
    """Which data set went in: a description, not the data. Two of one name differ in their digests."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    parameters = record.parameters
    if "dataset" not in parameters:
        return
    name, shape = str(parameters["dataset"]), str(parameters.get("input", "unknown"))
    # A memory model is that of any images of their shape.
    digest = str(parameters.get("data_digest", f"any-{shape}"))
    known = DATASETS.get(name)
    official = known and known.files and digest_of(name, known, None) == digest
    described = {
        "name": name,
        "digest": digest,
        "source_type": "http" if official else "local",
        "source": json.dumps({"url": known.files[0].url} if known and official else {"uri": name}),
    }
    if "input" in parameters:
        form = {"shape": [*map(int, shape.split("x"))], "classes": parameters.get("classes")}
        described["profile"] = json.dumps(form)
    context = InputTag(
        "mlflow.data.context", "modelled" if record.stage == "memory" else "training"
    )
    twice(lambda: client.log_inputs(run, [DatasetInput(Dataset(**described), [context])]))


def _log_files(client: Any, run: str, child: Child) -> None:
    """The record, the files that belong to it, and its tables as CSV (MLflow shows those)."""
    client.log_artifact(run, str(child.path), "record")
    for name, artifact in child.record.artifacts.items():
        path = child.path.parent / artifact.path
        if not path.is_file():
            raise InfrastructureError(f"{path}: artifact '{name}' of {child.path} is missing")
        if file_sha256(path) != artifact.sha256:
            raise InfrastructureError(
                f"{path}: artifact '{name}' is not the one that {child.path} names (its SHA-256 differs)"
            )
        client.log_artifact(run, str(path), "files")
    for name, rows in child.record.tables.items():
        if rows:
            text = io.StringIO()
            writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            client.log_text(run, text.getvalue(), f"tables/{name}.csv")


def _milliseconds(iso: str) -> int:
    """UTC time of ISO 8601 as milliseconds since 1970."""
    return int(datetime.fromisoformat(iso).timestamp() * 1000)
