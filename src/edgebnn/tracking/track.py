"""Records into MLflow: one MLflow experiment a study, a parent run an experiment, a child run a record.

Logging twice changes nothing. A child is found by its experiment, stage and run id; it is complete
if it is FINISHED and carries the digest of its record, which is written last. A complete child of an
unchanged record is left alone; any other is logged anew and, once that is whole, deleted (MLflow
keeps it restorable), so that a tracking killed half-way loses no run and the next leaves no duplicates.
Nothing else in the store is touched: not what another results folder logged there (owner.py).
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edgebnn.data.digest import digest_of
from edgebnn.data.sources import DATASETS
from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.record import Record, atomic_write, file_sha256, read_record
from edgebnn.secrecy import has_secret
from edgebnn.summary import read_summary
from edgebnn.tracking.owner import TAG, Owner, owner_of
from edgebnn.tracking.store import DEFAULT_URI, database_of, experiment_id, open_store, shown

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
        parameters = self.record.parameters
        parts = [self.method, self.record.stage, parameters.get("board")]
        if "seed" in parameters:
            parts.append(f"s{parameters['seed']}")
        return "-".join(str(part) for part in parts if part)


def track(
    records: Sequence[Path], plan_summary: Path, tracking_uri: str | None, output: Path
) -> None:
    """Puts the records that a plan asks for into MLflow.

    Args:
        records: files; those of a stage or run id that no experiment asks for are named in the output.
        plan_summary: results/plan.json.
        tracking_uri: MLflow's store; None: MLFLOW_TRACKING_URI, else a SQLite file under results/.
        output: JSON summary of what was logged, written last.

    Raises:
        ConfigError: a file is not a record, the MLflow experiment was deleted, or the URI is given as an
            argument with a secret in it.
        InfrastructureError: the store or an artifact cannot be reached.
    """
    if tracking_uri and has_secret(tracking_uri):
        raise ConfigError(
            "--tracking-uri: it holds a password or a token, and every user of this machine can read "
            "arguments; set it as MLFLOW_TRACKING_URI, or without it and the secret as "
            "MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN"
        )
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    plan = read_summary(plan_summary)
    children, unplanned = _children(records, plan.experiments)
    done: dict[str, list[str]] = {"logged": [], "replaced": [], "unchanged": []}
    owner = owner_of(plan_summary.parent, database_of(uri))
    with open_store(uri) as client:
        where = experiment_id(client, uri, plan.study)
        existing = _existing(client, where)
        for experiment in dict.fromkeys(child.experiment for child in children):
            parent = _parent(client, where, owner, plan.study, experiment)
            for child in (child for child in children if child.experiment == experiment):
                key = (experiment, child.record.stage, child.record.run_id)
                ours = [run for run in existing.get(key, []) if owner.owns(run, child.digest)]
                outcome = _log_once(client, where, parent, child, ours, owner=owner)
                done[outcome].append("/".join(key))
            if client.get_run(parent).info.status != "FINISHED":
                client.set_terminated(parent, "FINISHED")
    summary = {
        "study": plan.study,
        "tracking_uri": shown(uri),
        "experiment_id": where,
        **done,
        "unplanned": unplanned,
    }
    with atomic_write(output) as file:
        file.write((json.dumps(summary, indent=1) + "\n").encode())


def _children(
    paths: Sequence[Path], experiments: dict[str, list[dict[str, str]]]
) -> tuple[list[Child], list[str]]:
    """What is to be logged, in the plan's order, and the records that no experiment asks for."""
    found: dict[tuple[str, str], tuple[Path, Record]] = {}
    for path in paths:
        record = read_record(path)
        found[record.stage, record.run_id] = (path, record)
    methods: dict[tuple[str, str, str], list[str]] = {}
    for experiment, runs in experiments.items():
        for run in runs:
            key = (experiment, run["stage"], run["run_id"])
            methods.setdefault(key, []).append(run["method"])
    children = []
    for (experiment, stage, run_id), names in methods.items():
        if (stage, run_id) in found:
            path, record = found[stage, run_id]
            children.append(
                Child(experiment, ", ".join(names), path, record, digest=file_sha256(path))
            )
    asked = {key[1:] for key in methods}
    return children, ["/".join(key) for key in found if key not in asked]


def _existing(client: Any, where: str) -> dict[tuple[str, str, str], list[Any]]:
    """The active child runs of a study, by experiment, stage and run id."""
    runs: dict[tuple[str, str, str], list[Any]] = {}
    for run in _search(client, where, "tags.`edgebnn.kind` = 'run'"):
        tags = run.data.tags
        key = (tags["edgebnn.experiment"], tags["edgebnn.stage"], tags["edgebnn.run_id"])
        runs.setdefault(key, []).append(run)
    return runs


def _search(client: Any, where: str, query: str) -> Iterable[Any]:
    token = None
    while True:
        page = client.search_runs([where], query, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _parent(client: Any, where: str, owner: Owner, study: str, experiment: str) -> str:
    query = f"tags.`edgebnn.kind` = 'experiment' AND tags.`edgebnn.experiment` = '{experiment}'"
    for run in _search(client, where, query):
        if owner.owns(run):
            return str(run.info.run_id)
    tags = {
        TAG: owner.identity,
        "edgebnn.kind": "experiment",
        "edgebnn.experiment": experiment,
        "edgebnn.study": study,
    }
    return str(client.create_run(where, tags=tags, run_name=experiment).info.run_id)


def _log_once(
    client: Any, where: str, parent: str, child: Child, existing: list[Any], *, owner: Owner
) -> str:
    """Returns what was done: logged, replaced or unchanged."""
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
    _log_dataset(client, run, record)
    client.set_tag(run, "edgebnn.digest", child.digest)
    ended = max(started, int(child.path.stat().st_mtime * 1000))
    client.set_terminated(run, "FINISHED", end_time=ended)


def _log_numbers(client: Any, run: str, record: Record, started: int) -> None:
    """Parameters, scalars (step 0) and series, in batches that MLflow takes."""
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, metric.value, started, 0) for name, metric in record.metrics.items()]
    for name, points in record.series.items():
        # As MLflow's own system metrics are: by time in seconds, and its steps are integers.
        by_time = name.startswith(("system/", "profile/"))
        for index, (step, value) in enumerate(points):
            at = (started + round(step * 1000), index) if by_time else (started, int(step))
            metrics.append(Metric(name, value, *at))
    for start in range(0, len(metrics), METRICS_A_CALL):
        client.log_batch(run, metrics=metrics[start : start + METRICS_A_CALL])
    params = [Param(name, str(value)) for name, value in record.parameters.items()]
    for start in range(0, len(params), PARAMS_A_CALL):
        client.log_batch(run, params=params[start : start + PARAMS_A_CALL])


def _log_dataset(client: Any, run: str, record: Record) -> None:
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
    client.log_inputs(run, [DatasetInput(Dataset(**described), [context])])


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
