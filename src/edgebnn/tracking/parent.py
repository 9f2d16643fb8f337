"""The parent run of an experiment: what all its runs have in common, their means over seeds, and what it is.

A figure's name says whose it is: `proposed/device/virtual/test_accuracy`, with `_sd` behind it the sample standard
deviation over seeds. MLflow's parameters never change: an experiment whose common settings did gets a new
parent, and its runs move there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebnn import paper
from edgebnn.markdown import table
from edgebnn.report.groups import PRINCIPAL, Figure, Group
from edgebnn.report.number import number
from edgebnn.tracking.child import Child, log_params
from edgebnn.tracking.owner import TAG, Owner

NOTE = "mlflow.note.content"
_MARK = "<!-- edgebnn -->"
_ASKED = ("dataset", "data_digest", "input", "classes", "model", "optimizer", "learning_rate")
_ASKED_PREFIXES = ("schedule", "augmentation_")
"""Parameters that an experiment sets for all its trainings; others are a method's or a stage's."""
LONGEST_NOTE = 4500
"""Of the 5000 characters that a tag of MLflow's may have."""


@dataclass(frozen=True)
class Experiment:
    """A study's experiment, as far as it has records."""

    study: str
    name: str
    planned: Sequence[Mapping[str, str]]
    """Its runs in the plan's summary."""
    groups: Sequence[Group]
    """Its records."""


def groups_of(children: Sequence[Child]) -> list[Group]:
    """The records of an experiment, gathered over seeds, in their order."""
    found: dict[tuple[str, str, str, int], list[Child]] = {}
    for child in children:
        parameters = child.record.parameters
        batch = int(parameters.get("batch_size", 0))
        key = (child.method, child.record.stage, str(parameters.get("board", "")), batch)
        found.setdefault(key, []).append(child)
    return [
        Group(members[0].experiment, stage, method, tuple(child.record for child in members))
        for (method, stage, _, _), members in found.items()
    ]


def settings(experiment: Experiment) -> dict[str, str]:
    """What an experiment asks for: what all its trainings have alike, its methods and its stages."""
    groups = experiment.groups
    trained = [group for group in groups if group.stage in ("emulate", "device")] or groups
    asked = [record.parameters for group in trained for record in group.records]
    names = [name for name in asked[0] if name in _ASKED or name.startswith(_ASKED_PREFIXES)]
    common = {
        name: str(asked[0][name])
        for name in names
        if all(other.get(name) == asked[0][name] for other in asked)
    }
    lists = {
        f"{key}s": dict.fromkeys(run[key] for run in experiment.planned)
        for key in ("method", "stage")
    }
    return common | {name: ", ".join(values) for name, values in lists.items()}


def figures(groups: Sequence[Group]) -> dict[str, float]:
    """Means and standard deviations over seeds, by method, stage and board."""
    made = {}
    for group in groups:
        several = {g.batch_size for g in groups if _whose(g) == _whose(group)}
        parts = [*_whose(group), f"b{group.batch_size}" if len(several) > 1 else ""]
        name = "/".join(
            re.sub(r"[^A-Za-z0-9_.\- ]", "_", part.replace("+", "plus")) for part in parts if part
        )
        for metric, figure in _principal(group):
            made[f"{name}/{metric}"] = figure.value
            if figure.spread is not None:
                made[f"{name}/{metric}_sd"] = figure.spread
    return made


def described(study: str, groups: Sequence[Group]) -> str:
    """What an experiment is, in Markdown, for a person who opens its run."""
    first = groups[0]
    dataset, model = paper.DATASET_TITLES.get(first.dataset, first.dataset), paper.MODEL_TITLES.get(first.model, first.model)  # fmt: skip
    asked = (record.parameters for group in groups for record in group.records)
    seeds = ", ".join(dict.fromkeys(str(found["seed"]) for found in asked if "seed" in found))
    lines = [
        f"**{model}** on **{dataset}**, an experiment of the study `{study}`"
        + (f", seeds {seeds}." if seeds else "."),
        "Each run below it is a record: one method, stage and seed. Figures are means over seeds with their standard deviations; "
        "those of virtual devices are the host's. To compare methods, choose their runs and press *Compare*.",
    ]
    rows = []
    for group in groups:
        said = [f"{metric} {_shown(figure)}" for metric, figure in _principal(group)]
        rows.append(
            (group.method, group.stage, group.board, f"{group.batch_size}", "<br>".join(said))
        )
    return _within(lines, ("method", "stage", "board", "batch", "mean"), rows)


def study_described(study: str, experiments: Mapping[str, Sequence[Group]]) -> str:
    """What a study is, in Markdown, for a person who opens its MLflow experiment."""
    lines = [
        f"The study `{study}` of edgebnn: training binary neural networks on small boards, beside {paper.CITATION}.",
        "Each experiment is a run whose children are its records. Its own metrics are means over seeds, by method, stage and board.",
    ]
    rows = [
        (name, groups[0].dataset, groups[0].model, ", ".join(dict.fromkeys(g.method for g in groups)),
         ", ".join(dict.fromkeys(g.stage for g in groups)))
        for name, groups in experiments.items()
    ]  # fmt: skip
    return _within(lines, ("experiment", "data set", "model", "methods", "stages"), rows)


def logged_parent(
    client: Any, where: str, owner: Owner, experiment: Experiment, runs: Iterable[Any]
) -> str:
    """The id of the experiment's run, made, renewed or brought up to date.

    Args:
        client: MLflow's.
        where: id of the MLflow experiment.
        owner: the results folder.
        experiment: whose run it is.
        runs: parent runs of this experiment that are there.
    """
    wanted = settings(experiment)
    owned = [run for run in runs if owner.owns(run)]
    kept = next((run for run in owned if _agrees(run.data.params, wanted)), None)
    if kept is None:
        tags = {
            TAG: owner.identity,
            "edgebnn.kind": "experiment",
            "edgebnn.experiment": experiment.name,
            "edgebnn.study": experiment.study,
        }
        kept = client.create_run(where, tags=tags, run_name=experiment.name)
    parent, known = str(kept.info.run_id), kept.data.params
    for run in owned:
        if run.info.run_id != parent:
            _move(client, where, str(run.info.run_id), parent)
    log_params(client, parent, {key: value for key, value in wanted.items() if key not in known})
    before = client.get_run(parent).data
    after = figures(experiment.groups)
    for key, value in after.items():
        if before.metrics.get(key) != value:
            client.log_metric(parent, key, value)
    note = described(experiment.study, experiment.groups)
    if is_ours(before.tags.get(NOTE)) and before.tags.get(NOTE) != note:
        client.set_tag(parent, NOTE, note)
    return parent


def is_ours(note: str | None) -> bool:
    """Whether a description may be written over: one that a person wrote may not."""
    return not note or note.startswith(_MARK)


def _agrees(params: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(wanted.get(name) == value for name, value in params.items())


def _move(client: Any, where: str, old: str, new: str) -> None:
    """The children go first: a tracking that is killed between the two finds both parents."""
    token = None
    while True:
        page = client.search_runs(
            [where], f"tags.`mlflow.parentRunId` = '{old}'", max_results=1000, page_token=token
        )
        for run in page:
            client.set_tag(run.info.run_id, "mlflow.parentRunId", new)
        token = page.token
        if not token:
            break
    client.delete_run(old)


def _whose(group: Group) -> tuple[str, str, str]:
    return group.method, group.stage, group.board


def _principal(group: Group) -> list[tuple[str, Figure]]:
    found = [(metric, group.figure(metric)) for metric in PRINCIPAL]
    return [(metric, figure) for metric, figure in found if figure is not None]


def _shown(figure: Figure) -> str:
    spread = f" ± {number(figure.spread, 2)}" if figure.spread else ""
    return f"{number(figure.value, 4)}{spread}"


def _within(lines: Sequence[str], titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The text with as many rows as a tag holds."""
    for count in range(len(rows), -1, -1):
        left = f"\n{len(rows) - count} more.\n" if count < len(rows) else ""
        text = "\n\n".join([_MARK, *lines, table(titles, rows[:count])]) + left
        if len(text) <= LONGEST_NOTE:
            break
    return text
