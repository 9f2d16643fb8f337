"""The stages of a study: each command reads its files, and calls its stage. Heavy packages load with the stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.progress import say

if TYPE_CHECKING:
    import argparse

    from edgebnn.record import Record


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


def weights(options: argparse.Namespace) -> None:
    """A trained network as the initial weights of another training."""
    from edgebnn.weights import write_initial_weights

    write_initial_weights(options.source, options.output, options.digest)


def emulate(options: argparse.Namespace) -> None:
    """One run in Keras."""
    from edgebnn.data.datasets import default_cache
    from edgebnn.data.sources import data_folder
    from edgebnn.emulation.train import emulate
    from edgebnn.gpu import claimed_gpu
    from edgebnn.study.files import read_run

    run, folder = read_run(options.run), data_folder(options.data_dir)
    state = options.output.parent / "state" / run.id
    with claimed_gpu(default_cache() / "gpus", say) as gpu:
        if gpu is not None:
            say(f"{run.id}: on GPU {gpu}")
        record = emulate(
            run,
            options.data,
            options.output,
            state,
            threads=options.threads,
            images=folder and folder / run.dataset,
            initial=options.init,
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
    from edgebnn.study.files import read_run

    inventory = load_inventory(options.farm)
    _say_if_at_chance(
        train_on_device(
            read_run(options.run),
            options.data,
            options.build,
            inventory,
            options.output,
            options.virtual,
            replaces=options.replaces,
            initial=options.init,
        )
    )


def baseline(options: argparse.Namespace) -> None:
    """The same training in Keras on a device of the farm."""
    from edgebnn.farm.baseline import train_baseline
    from edgebnn.farm.inventory import load_inventory
    from edgebnn.study.files import read_run

    train_baseline(
        read_run(options.run),
        options.data,
        options.build,
        load_inventory(options.farm),
        options.output,
        options.virtual,
        replaces=options.replaces,
    )


def track(options: argparse.Namespace) -> None:
    """Records into MLflow."""
    from edgebnn.tracking.live import follow
    from edgebnn.tracking.track import track

    if options.follow:
        follow(options.plan, options.tracking_uri, say, options.after, options.starter)
        return
    track(_records(options), options.plan, options.tracking_uri, options.output)


def report(options: argparse.Namespace) -> None:
    """Records onto a page."""
    from edgebnn.report import write_report, write_tables
    from edgebnn.summary import read_summary

    failures = read_summary(options.plan).failures(options.plan.parent)
    records = _records(options)
    write_report(records, options.plan, options.output, failures, options.compare_with)
    if options.document is not None:
        write_tables(records, options.plan, options.document)


def ended(options: argparse.Namespace) -> int:
    """The note of a stage that a signal ended."""
    from edgebnn.ended import ended

    return ended(options.status, options.of, options.log)


def schema(options: argparse.Namespace) -> None:
    """The JSON Schemas."""
    from edgebnn.schema import write_schemas

    write_schemas(options.folder)
