"""The stages of a study, as its workflow calls them, and what the workflow alone asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.commands import stages as commands
from edgebnn.options.farm import add_build_option, add_farm_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_RECORDS = (
    "a record's file (default: all that the plan asks for and that are there, in the plan's folder)"
)


def add_init_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--init`."""
    parser.add_argument(
        "--init",
        type=Path,
        metavar="FILE",
        help="initial weights, where the run begins from some (edgebnn weights)",
    )


def add_stages(subparsers: Subparsers) -> None:
    """Each with the files that it reads and writes."""

    def command(
        name: str, stage: Callable[[argparse.Namespace], int | None], about: str, **files: str
    ) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=about, description=about)
        added.set_defaults(stage=stage)
        for option, text in files.items():
            added.add_argument(f"--{option}", type=Path, required=True, metavar="FILE", help=text)
        return added

    data = command(
        "data", commands.data, "fetch, check and pack a data set", output="packed data set"
    )
    data.add_argument(
        "name",
        help="digits, mnist, cifar10, svhn, or an .npz file of --data-dir without its ending, or a "
        "folder of images there",
    )
    data.add_argument(
        "--data-dir", type=Path, help="folder of data sets to look in first (or EDGEBNN_DATA_DIR)"
    )
    data.add_argument("--digest", help="what its bytes must be (the plan's; default: anything)")

    weights = command(
        "weights",
        commands.weights,
        "write what a training begins from: the weights of a trained network",
        output="initial weights",
    )
    weights.add_argument(
        "source", type=Path, help="a .keras or .ebn file, or the record of a run that left one"
    )
    weights.add_argument("--digest", help="how its SHA-256 must begin (the plan's)")

    emulate = command(
        "emulate",
        commands.emulate,
        "train one run in Keras",
        run="the run (results/runs/*.json)",
        data="packed data set, or index of a folder of images",
        output="record",
    )
    add_init_option(emulate)
    emulate.add_argument(
        "--data-dir", type=Path, help="folder of that folder of images (or EDGEBNN_DATA_DIR)"
    )
    emulate.add_argument(
        "--broken-at-most",
        type=int,
        default=10,
        help="images that may be passed over as they cannot be decoded (default: %(default)s)",
    )
    emulate.add_argument(
        "--threads", type=int, default=1, help="CPU threads (default: %(default)s)"
    )

    build = command("build", commands.build, "build the C++ trainer for one target")
    build.add_argument("target", help="native, aarch64-linux, armv7-linux or armv6-linux")
    build.add_argument("--output", type=Path, metavar="FILE", help="record (default: none)")

    for name, stage, about in (
        ("device", commands.device, "train one run on a device of the farm"),
        ("baseline", commands.baseline, "train the same in Keras on a device, to compare with"),
    ):
        on_device = command(
            name,
            stage,
            about,
            run="the run (results/runs/*.json)",
            data="packed data set",
            output="record",
        )
        add_farm_options(on_device)
        add_build_option(on_device)
        if name == "device":
            add_init_option(on_device)
        on_device.add_argument(
            "--replaces", default="", metavar="TIME", help="start of the record that is made anew"
        )

    track = command("track", commands.track, "put records into MLflow", plan="results/plan.json")
    wanted = track.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--output", type=Path, metavar="FILE", help="stamp")
    wanted.add_argument(
        "--follow",
        action="store_true",
        help="until the process that started this one ends: records as they come, and the curves of trainings that run",
    )
    track.add_argument(
        "--after",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="with --follow: before the first pass (default: %(default)s)",
    )
    track.add_argument(
        "--starter",
        type=int,
        metavar="PID",
        help="with --follow: the process that starts this one; if it is gone before this one is up, nothing is followed",
    )
    track.add_argument("records", type=Path, nargs="*", metavar="RECORD", help=_RECORDS)
    track.add_argument(
        "--tracking-uri",
        help="MLflow's store (default: MLFLOW_TRACKING_URI, else sqlite:///results/mlflow.db)",
    )

    report = command(
        "report",
        commands.report,
        "write the report's page",
        plan="results/plan.json",
        output="page",
    )
    report.add_argument(
        "--document",
        type=Path,
        metavar="FILE",
        help="a Markdown file that takes the study's comparisons of methods, each between two lines "
        "<!-- STUDY-DATASET-MODEL-bBATCH-BOARD --> and <!-- /... -->, and what its boards took beside "
        "Keras, between <!-- STUDY-boards --> and <!-- /STUDY-boards -->",
    )
    report.add_argument(
        "--compare-with",
        type=Path,
        metavar="PAGE",
        help="the page of an earlier report: a section says which figures are others now",
    )
    report.add_argument("records", type=Path, nargs="*", metavar="RECORD", help=_RECORDS)

    ended = subparsers.add_parser(
        "ended", help="the workflow's: note how a stage ended that could not say so itself"
    )
    ended.set_defaults(stage=commands.ended)
    ended.add_argument("status", type=int, help="its exit status, as a shell has it")
    ended.add_argument("of", type=Path, metavar="OUTPUT", help="its output")
    ended.add_argument("log", type=Path, metavar="LOG", help="its log")

    schema = subparsers.add_parser(
        "schema", help="write the JSON Schemas of the configuration files"
    )
    schema.set_defaults(stage=commands.schema)
    schema.add_argument("folder", type=Path, nargs="?", default=Path("config/schema"))
