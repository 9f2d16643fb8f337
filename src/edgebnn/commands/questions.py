"""What people ask of it: each command reads its files, and prints an answer. Heavy packages load with the stage."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.progress import say

if TYPE_CHECKING:
    import argparse


def new(options: argparse.Namespace) -> None:
    """A folder with a first study."""
    from edgebnn.first_study import make_study

    make_study(options.folder)
    print(f"{options.folder}: a first study. To run it:")
    print(f"  cd {shlex.quote(str(options.folder))}\n  snakemake --cores 2 all")


def plan(options: argparse.Namespace) -> None:
    """The runs of a study, as a table."""
    from rich.console import Console
    from rich.table import Table

    from edgebnn.farm.inventory import load_inventory
    from edgebnn.study.config import load_study
    from edgebnn.study.plan import make_plan, remarks

    study = load_study(options.config)
    plan = make_plan(study, load_inventory(Path(study.farm)).boards(), [options.config])
    table = Table(
        "experiment", "stage", "method", "run", title=f"{study.study}: the runs of {options.config}"
    )
    devices = {run.id: run.devices for stage in plan.runs.values() for run in stage.values()}
    named = any(devices.values())
    if named:
        table.add_column("devices")
    for experiment, runs in plan.experiments.items():
        for run in runs:
            where = [", ".join(devices[run.run_id])] if named else []
            table.add_row(experiment, run.stage, run.method, run.run_id, *where)
    Console().print(table)
    for remark in remarks(plan, study):
        print(f"warning: {remark}")


def memory(options: argparse.Namespace) -> None:
    """One run's record, or tables for people: the paper's accounting, and the trainer's arena."""
    from edgebnn.memory.stage import memory_record
    from edgebnn.study.files import read_run
    from edgebnn.study.model_file import load_network

    if options.run is not None:
        record = memory_record(read_run(options.run))
        if options.output is None:
            print(record.model_dump_json(indent=1))
        else:
            record.write(options.output)
        return
    from rich.console import Console

    from edgebnn.data.sources import data_folder, source_of
    from edgebnn.memory.accounting_view import show
    from edgebnn.memory.arena_view import show_arenas
    from edgebnn.study.initial import check_frozen
    from edgebnn.study.switches import methods_of

    network = load_network(options.model, options.models)
    if options.dataset is not None:
        shape = source_of(options.dataset, data_folder(None)).shape
        network = network.with_input(shape) if shape else network
    for option, value in (("--batch-size", options.batch_size), ("--threads", options.threads)):
        if value < 1:
            raise ConfigError(f"{option}: {value} is not at least 1")
    check_frozen(options.freeze, network, options.model, "--freeze")
    methods = methods_of(options.method or ["standard", "proposed"], options.switch)
    console = Console()
    case = (options.batch_size, options.optimizer, methods)
    show(network, options.model, *case, options.freeze, console)
    console.print()
    show_arenas(network, *case, options.threads, options.freeze, console)


def fit(options: argparse.Namespace) -> None:
    """Whether a training fits a board, and what it would take there."""
    from rich.console import Console

    from edgebnn.farm.inventory import load_inventory
    from edgebnn.fit.places import place_of
    from edgebnn.fit.speed import Asked
    from edgebnn.fit.stage import fit, network_on
    from edgebnn.fit.view import as_json, show_fit
    from edgebnn.study.optimizer_config import Optimizer, optimizer_of
    from edgebnn.study.switches import methods_of

    for option, value in (("--batch-size", options.batch_size), ("--threads", options.threads)):
        if value < 1:
            raise ConfigError(f"{option}: {value} is not at least 1")
    devices = {}
    if options.board is not None and options.farm.exists():
        devices = load_inventory(options.farm).on_board(options.board)
    place = place_of(options.board, options.memory, options.threads, devices)
    network, dataset, images = network_on(options.model, options.models, options.dataset)
    (switches,) = methods_of([options.method], options.switch).values()
    optimizer = optimizer_of(Optimizer(kind=options.optimizer), switches).kind
    asked = Asked(options.model, network, options.batch_size, optimizer, switches)
    found = fit(asked, dataset, images, options.threads, place, results=options.results)
    if options.json:
        print(as_json(found))
    else:
        show_fit(found, Console())


def compare(options: argparse.Namespace) -> None:
    """Two runs or two methods side by side."""
    from rich.console import Console

    from edgebnn.report.side_by_side import pairs
    from edgebnn.report.side_view import as_json, show_pairs
    from edgebnn.summary import read_summary

    plan = read_summary(options.plan) if options.plan.exists() else None
    found = pairs(options.left, options.right, plan, options.plan.parent)
    if options.json:
        print(as_json(found))
    else:
        show_pairs(found, Console())


def profile(options: argparse.Namespace) -> None:
    """Where a run's memory goes: the record, or tables for people."""
    from edgebnn.profile.find import data_of, find_run, initial_of, results_of
    from edgebnn.profile.stage import FIGURE, profile

    run, file = find_run(options.run)
    data = data_of(run, file, options.data)
    output = options.output or results_of(file) / "profile" / f"{run.id}.json"
    initial = initial_of(run, file, options.init)
    record = profile(run, data, initial, output, options.steps, options.threads, say)
    if options.output is None:
        from rich.console import Console

        from edgebnn.profile.view import show_profile

        show_profile(record, output.parent / run.id / FIGURE, Console())


def export(options: argparse.Namespace) -> None:
    """A trained network as ONNX."""
    from edgebnn.trainer.export import export_onnx

    export_onnx(options.network, options.output)
