"""What each subcommand does: reads its files, calls its stage. Heavy packages load with the stage."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from edgebnn.record import Record
    from edgebnn.study.plan import Run


def _read_run(path: Path) -> Run:
    from pydantic import ValidationError

    from edgebnn.study.plan import Run

    try:
        return Run.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: not a run: {error.errors()[0]['msg']}") from None


def _say_if_at_chance(record: Record) -> None:
    if record.at_chance:
        print(
            f"warning: {record.run_id}: at chance level: test accuracy "
            f"{record.value('test_accuracy'):.4f}, guessing the commonest class gives "
            f"{record.value('guessing_accuracy'):.4f}; is the learning rate right?",
            flush=True,
        )


def _records(options: argparse.Namespace) -> list[Path]:
    """Those named on the command line; else those of the plan, in the plan's folder."""
    from edgebnn.summary import read_summary

    return options.records or read_summary(options.plan).records(options.plan.parent)


def data(options: argparse.Namespace) -> None:
    """Fetches, checks and packs a data set; of a folder of images it writes the index."""
    from edgebnn.data.datasets import default_cache, prepare, write_packed
    from edgebnn.data.digest import check_digest
    from edgebnn.data.image_index import index_of, write_index
    from edgebnn.data.sources import data_folder, source_of
    from edgebnn.progress import download_bar

    folder = data_folder(options.data_dir)
    source = source_of(options.name, folder)
    if source.folder is not None:
        check_digest(options.name, source, folder, options.digest)
        write_index(options.output, index_of(source.folder.root))
        return
    with download_bar(options.name) as progress:
        packed = prepare(options.name, folder, default_cache(), progress)
    check_digest(options.name, source_of(options.name, folder), folder, options.digest)
    write_packed(options.output, packed)


def memory(options: argparse.Namespace) -> None:
    """One run's record, or tables for people: the paper's accounting, and the trainer's arena."""
    from edgebnn.memory.stage import memory_record
    from edgebnn.study.model_file import load_network

    if options.run is not None:
        record = memory_record(_read_run(options.run))
        if options.output is None:
            print(record.model_dump_json(indent=1))
        else:
            record.write(options.output)
        return
    from rich.console import Console

    from edgebnn.data.sources import data_folder, source_of
    from edgebnn.memory.accounting_view import show
    from edgebnn.memory.arena_view import show_arenas
    from edgebnn.study.switches import methods_of

    network = load_network(options.model, options.models)
    if options.dataset is not None:
        shape = source_of(options.dataset, data_folder(None)).shape
        network = network.with_input(shape) if shape else network
    for option, value in (("--batch-size", options.batch_size), ("--threads", options.threads)):
        if value < 1:
            raise ConfigError(f"{option}: {value} is not at least 1")
    methods = methods_of(options.method or ["standard", "proposed"], options.switch)
    console = Console()
    case = (options.batch_size, options.optimizer, methods)
    show(network, options.model, *case, console)
    console.print()
    show_arenas(network, *case, options.threads, console)


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


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def emulate(options: argparse.Namespace) -> None:
    """One run in Keras."""
    from edgebnn.data.datasets import default_cache
    from edgebnn.data.sources import data_folder
    from edgebnn.emulation.train import emulate
    from edgebnn.gpu import claimed_gpu

    run, folder = _read_run(options.run), data_folder(options.data_dir)
    state = options.output.parent / "state" / run.id
    with claimed_gpu(default_cache() / "gpus", _progress) as gpu:
        if gpu is not None:
            _progress(f"{run.id}: on GPU {gpu}")
        record = emulate(
            run,
            options.data,
            options.output,
            state,
            threads=options.threads,
            images=folder and folder / run.dataset,
            broken_at_most=options.broken_at_most,
        )
    _say_if_at_chance(record)


def build(options: argparse.Namespace) -> None:
    """The trainer for one target."""
    from edgebnn.trainer.build import build_trainer

    build_trainer(options.target, options.output)


def device(options: argparse.Namespace) -> None:
    """One run on a device of the farm."""
    from edgebnn.farm.inventory import load_inventory
    from edgebnn.farm.job import train_on_device

    inventory = load_inventory(options.farm)
    _say_if_at_chance(
        train_on_device(
            _read_run(options.run),
            options.data,
            options.build,
            inventory,
            options.output,
            options.virtual,
            replaces=options.replaces,
        )
    )


def baseline(options: argparse.Namespace) -> None:
    """The same training in Keras on a device of the farm."""
    from edgebnn.farm.baseline import train_baseline
    from edgebnn.farm.inventory import load_inventory

    train_baseline(
        _read_run(options.run),
        options.data,
        options.build,
        load_inventory(options.farm),
        options.output,
        options.virtual,
        replaces=options.replaces,
    )


def profile(options: argparse.Namespace) -> None:
    """Where a run's memory goes: the record, or tables for people."""
    from edgebnn.profile.find import data_of, find_run, results_of
    from edgebnn.profile.stage import FIGURE, profile

    run, file = find_run(options.run)
    data = data_of(run, file, options.data)
    output = options.output or results_of(file) / "profile" / f"{run.id}.json"
    record = profile(run, data, output, options.steps, options.threads, _progress)
    if options.output is None:
        from rich.console import Console

        from edgebnn.profile.view import show_profile

        show_profile(record, output.parent / run.id / FIGURE, Console())


def track(options: argparse.Namespace) -> None:
    """Records into MLflow."""
    from edgebnn.tracking.track import track

    track(_records(options), options.plan, options.tracking_uri, options.output)


def report(options: argparse.Namespace) -> None:
    """Records onto a page."""
    from edgebnn.report import write_report, write_tables
    from edgebnn.summary import read_summary

    failures = read_summary(options.plan).failures(options.plan.parent)
    records = _records(options)
    write_report(records, options.plan, options.output, failures)
    if options.document is not None:
        write_tables(records, options.plan, options.document)


def export(options: argparse.Namespace) -> None:
    """A trained network as ONNX."""
    from edgebnn.trainer.export import export_onnx

    export_onnx(options.network, options.output)


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


def new(options: argparse.Namespace) -> None:
    """A folder with a first study."""
    from edgebnn.first_study import make_study

    make_study(options.folder)
    print(f"{options.folder}: a first study. To run it:")
    print(f"  cd {shlex.quote(str(options.folder))}\n  snakemake --cores 2 all")


def ended(options: argparse.Namespace) -> int:
    """The note of a stage that a signal ended."""
    from edgebnn.ended import ended

    return ended(options.status, options.of, options.log)


def schema(options: argparse.Namespace) -> None:
    """The JSON Schemas."""
    from edgebnn.schema import write_schemas

    write_schemas(options.folder)
