"""From records to the page: same records, same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from edgebnn import paper
from edgebnn.record import Record, atomic_write, read_record
from edgebnn.report.beside_paper import ACCURACY_METRICS, accuracy_rows
from edgebnn.report.charts import (
    Chart,
    colours,
    curve_chart,
    memory_chart,
    names,
    range_chart,
    specifications,
    variable_colour,
)
from edgebnn.report.compared import comparisons
from edgebnn.report.earlier import figures_of, since
from edgebnn.report.groups import UNTRAINED, Group, gather, once
from edgebnn.report.number import number
from edgebnn.report.on_board import board_cases
from edgebnn.report.power import power_charts
from edgebnn.report.profiles import profiles
from edgebnn.report.scripts import embedded, scripts
from edgebnn.summary import read_summary

STAGE_TITLES = {
    "emulate": "emulated",
    "device": "on a device",
    "baseline": "in Keras on a device",
    "memory": "modelled",
    "profile": "profiled",
}


def write_report(
    records: Sequence[Path],
    plan_summary: Path,
    output: Path,
    failures: Mapping[str, str] | None = None,
    earlier: Path | None = None,
) -> None:
    """Writes the page, self-contained: nothing in it is fetched from anywhere.

    Args:
        records: files of any stage.
        plan_summary: results/plan.json.
        output: the HTML file.
        failures: name of a failed run -> why.
        earlier: the page of an earlier report, to be compared with.

    Raises:
        ConfigError: a file is not a record, the plan's summary is not one, or the earlier page is no report.
    """
    plan = read_summary(plan_summary)
    found = [read_record(path) for path in records]
    page = render(plan.study, plan.experiments, found, failures or {}, earlier)
    with atomic_write(output) as file:
        file.write(page.encode())


def render(
    study: str,
    experiments: dict[str, list[dict[str, str]]],
    records: Sequence[Record],
    failures: Mapping[str, str],
    earlier: Path | None = None,
) -> str:
    """The page's HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("edgebnn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    titles = {**paper.DATASET_TITLES, **paper.MODEL_TITLES, **paper.BOARD_TITLES}
    groups, missing = gather(records, experiments)
    colour = colours([group.method for group in groups])
    order = list(experiments)
    trained = sorted(
        (group for group in groups if group.stage not in UNTRAINED),
        key=lambda group: (order.index(group.experiment), group.stage != "emulate"),
    )
    planned = {(run["stage"], run["run_id"]) for runs in experiments.values() for run in runs}
    return environment.get_template("report.html.j2").render(
        study=study,
        paper=paper,
        planned=len(planned),
        missing=missing,
        failures={name.removesuffix(".json"): text for name, text in sorted(failures.items())},
        accuracy_rows=accuracy_rows(groups),
        board_cases=board_cases(groups),
        comparisons=comparisons(groups),
        results=[(group, group.figure(*ACCURACY_METRICS)) for group in trained],
        memory=_memory_charts(groups, titles),
        curves=_curve_charts(trained, colour),
        boards=_board_charts(trained, colour),
        powers=power_charts(once(trained)),
        profiles=profiles(groups),
        since=since(groups, earlier) if earlier else None,
        kept=embedded(figures_of(groups)),
        provenance=_provenance(groups),
        titles=titles,
        stages=STAGE_TITLES,
        specifications=embedded(specifications()),
        scripts=scripts(),
    )


def _memory_charts(groups: Sequence[Group], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """One chart for each data set, model, batch and optimiser of the memory model."""

    def case(group: Group) -> tuple[str, str, int, str]:
        return (group.model, group.dataset, group.batch_size, group.optimizer)

    modelled = sorted((group for group in once(groups) if group.stage == "memory"), key=case)
    charts = []
    for (model, dataset, batch, optimizer), found in groupby(modelled, case):
        members = list(found)
        tables = [
            {str(row["variable"]): row for row in group.records[0].tables.get("variables", [])}
            for group in members
        ]
        published = paper.published_memory(model, batch, optimizer)
        same_shape = dataset in {
            row.dataset for row in paper.ACCURACY if (row.model, row.batch_size) == (model, batch)
        }
        network = f"{titles.get(dataset, dataset)} {titles.get(model, model)}"
        label = f"MiB by variable, batch {batch}, {optimizer}"
        variables = dict.fromkeys(variable for table in tables for variable in table)
        totals = [sum(float(row["mib"]) for row in table.values()) for table in tables]
        charts.append(
            {
                "chart": memory_chart(network, label, members),
                "network": f"{network}, batch {batch}",
                "totals": list(zip(names(members), totals, strict=True)),
                "published": published if same_shape else None,
                "rows": [
                    (name, variable_colour(name), [table.get(name) for table in tables])
                    for name in variables
                ],
            }
        )
    return charts


def _curve_charts(trained: Sequence[Group], colour: dict[str, str]) -> list[Chart]:
    charts = []
    for (experiment, stage), members in groupby(trained, lambda g: (g.experiment, g.stage)):
        title = f"{experiment}, {STAGE_TITLES.get(stage, stage)}"
        charts.append(curve_chart(title, list(members), colour))
    return [chart for chart in charts if chart is not None]


def _board_charts(trained: Sequence[Group], colour: dict[str, str]) -> list[dict[str, Any]]:
    metrics = (
        ("time per batch", "s", ("time_per_batch_s", "time_per_batch_q1_s", "time_per_batch_q3_s")),
        ("peak memory", "MiB", ("peak_memory_mib", "", "")),
        ("energy per batch", "J", ("energy_per_batch_j", "", "")),
    )
    charts = []
    device = [group for group in trained if group.stage in ("device", "baseline")]
    for experiment, members in groupby(device, lambda group: group.experiment):
        groups = list(members)
        panels = [
            (title, range_chart(title, unit, groups, figures, colour))
            for title, unit, figures in metrics
        ]
        charts.append({"experiment": experiment, "batch": groups[0].batch_size, "panels": panels})
    return charts


def _provenance(groups: Sequence[Group]) -> list[tuple[str, str]]:
    found = [record.provenance for group in groups for record in group.records]
    if not found:
        return []
    versions = sorted({f"{k} {v}" for p in found for k, v in p.versions.items()})
    machines = {f"{p.host}{' (virtual)' if p.virtual else ''}: {p.machine}" for p in found}
    return [
        ("Commit", ", ".join(sorted({p.git_commit for p in found}))),
        ("Machines", "; ".join(sorted(machines))),
        ("Versions", ", ".join(versions)),
        ("Computed", f"{min(p.started for p in found)} to {max(p.started for p in found)}"),
    ]
