"""Records into MLflow: one MLflow experiment a study, a parent run an experiment, a child run a record.

Logging twice changes nothing. A child is found by its experiment, stage and run id; it is complete
if it is FINISHED and carries the digest of its record, which is written last. A complete child of an
unchanged record is left alone; any other is logged anew and, once that is whole, deleted (MLflow
keeps it restorable), so that a tracking killed half-way loses no run and the next leaves no duplicates.
Nothing else in the store is touched: not what another results folder logged there (owner.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError
from edgebnn.exclusive import exclusive
from edgebnn.record import Record, atomic_write, file_sha256, read_record
from edgebnn.secrecy import has_secret
from edgebnn.summary import Summary, read_summary
from edgebnn.tracking.child import Child, log_once
from edgebnn.tracking.owner import Owner, owner_of
from edgebnn.tracking.parent import (
    NOTE,
    Experiment,
    groups_of,
    is_ours,
    logged_parent,
    study_described,
)
from edgebnn.tracking.store import DEFAULT_URI, database_of, experiment_id, open_store, shown, twice


def track(
    records: Sequence[Path], plan_summary: Path, tracking_uri: str | None, output: Path | None
) -> None:
    """Puts the records that a plan asks for into MLflow.

    Args:
        records: files; those of a stage or run id that no experiment asks for are named in the output.
        plan_summary: results/plan.json.
        tracking_uri: MLflow's store; None: MLFLOW_TRACKING_URI, else a SQLite file under results/.
        output: JSON summary of what was logged, written last; None: none.

    Raises:
        ConfigError: a file is not a record, the MLflow experiment was deleted, or the URI is given as an
            argument with a secret in it.
        InfrastructureError: the store or an artifact cannot be reached.
    """
    uri = store_address(tracking_uri)
    plan = read_summary(plan_summary)
    children, unplanned = _children(records, plan.experiments)
    done: dict[str, list[str]] = {"logged": [], "replaced": [], "unchanged": []}
    owner = owner_of(plan_summary.parent, database_of(uri))
    # A results folder is tracked by one process at a time: two would each log what they do not find.
    with exclusive(plan_summary.parent / "track", quiet=True), open_store(uri) as client:
        where = experiment_id(client, uri, plan.study)
        parents = _parents(client, where, owner, plan, children)
        existing = existing_runs(client, where)
        for experiment, parent in parents.items():
            for child in (child for child in children if child.experiment == experiment):
                key = (experiment, child.record.stage, child.record.run_id)
                ours = [run for run in existing.get(key, []) if owner.owns(run, child.digest)]
                outcome = log_once(client, where, parent, child, ours, owner=owner)
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
    if output:
        with atomic_write(output) as file:
            file.write((json.dumps(summary, indent=1) + "\n").encode())


def store_address(given: str | None) -> str:
    """The one given, else MLFLOW_TRACKING_URI, else the file under results/; raises ConfigError for a secret
    in an argument."""
    if given and has_secret(given):
        raise ConfigError(
            "--tracking-uri: it holds a password or a token, and every user of this machine can read "
            "arguments; set it as MLFLOW_TRACKING_URI, or without it and the secret as "
            "MLFLOW_TRACKING_PASSWORD or MLFLOW_TRACKING_TOKEN"
        )
    return given or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


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


def _parents(
    client: Any, where: str, owner: Owner, plan: Summary, children: Sequence[Child]
) -> dict[str, str]:
    """Experiment -> the id of its run; and what the study is, said of MLflow's experiment."""
    there: dict[str, list[Any]] = {}
    for run in search(client, where, "tags.`edgebnn.kind` = 'experiment'"):
        there.setdefault(run.data.tags["edgebnn.experiment"], []).append(run)
    experiments = []
    for name in dict.fromkeys(child.experiment for child in children):
        groups = groups_of([child for child in children if child.experiment == name])
        experiments.append(Experiment(plan.study, name, plan.experiments[name], groups))
    note = study_described(plan.study, {each.name: each.groups for each in experiments})
    before = client.get_experiment(where).tags.get(NOTE)
    if is_ours(before) and before != note:
        twice(lambda: client.set_experiment_tag(where, NOTE, note))
    return {
        each.name: logged_parent(client, where, owner, each, there.get(each.name, []))
        for each in experiments
    }


def existing_runs(client: Any, where: str) -> dict[tuple[str, str, str], list[Any]]:
    """The active child runs of a study, by experiment, stage and run id."""
    runs: dict[tuple[str, str, str], list[Any]] = {}
    for run in search(client, where, "tags.`edgebnn.kind` = 'run'"):
        tags = run.data.tags
        key = (tags["edgebnn.experiment"], tags["edgebnn.stage"], tags["edgebnn.run_id"])
        runs.setdefault(key, []).append(run)
    return runs


def search(client: Any, where: str, query: str) -> Iterable[Any]:
    token = None
    while True:
        page = client.search_runs([where], query, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
