"""The subcommands and their options; what each does stands in commands.py and farm/commands.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from edgebnn import commands
from edgebnn.farm import commands as farm_commands
from edgebnn.secrecy import masked

if TYPE_CHECKING:
    from collections.abc import Callable

_RECORDS = (
    "a record's file (default: all that the plan asks for and that are there, in the plan's folder)"
)


class _Parser(argparse.ArgumentParser):
    """What it repeats of a command line holds no secret."""

    def error(self, message: str) -> NoReturn:
        super().error(masked(message))


def parser() -> argparse.ArgumentParser:
    """Of the command line: each subcommand with the function of `commands` that runs it, `stage`."""
    made: argparse.ArgumentParser = _Parser(
        prog="edgebnn",
        description="Train binary neural networks on small boards, and measure it. "
        "The whole study: snakemake --cores 8 all",
    )
    subparsers = made.add_subparsers(required=True, metavar="COMMAND")

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

    _add_memory(subparsers)

    emulate = command(
        "emulate",
        commands.emulate,
        "train one run in Keras",
        run="the run (results/runs/*.json)",
        data="packed data set, or index of a folder of images",
        output="record",
    )
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
        _add_farm_options(on_device)
        _add_build_option(on_device)
        on_device.add_argument(
            "--replaces", default="", metavar="TIME", help="start of the record that is made anew"
        )

    _add_profile(subparsers)
    _add_farm(subparsers)

    track = command(
        "track", commands.track, "put records into MLflow", plan="results/plan.json", output="stamp"
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
    report.add_argument("records", type=Path, nargs="*", metavar="RECORD", help=_RECORDS)

    export = subparsers.add_parser(
        "export",
        help="hand a trained network on as ONNX",
        description="Hand a trained network on as ONNX: standard operators, float32 that holds "
        "integers, the same predictions as edgebnn-train --predict.",
    )
    export.set_defaults(stage=commands.export)
    export.add_argument(
        "network", type=Path, metavar="NETWORK", help="file of edgebnn-train --export"
    )
    export.add_argument(
        "--onnx", dest="output", type=Path, required=True, metavar="FILE", help="ONNX model"
    )

    plan = subparsers.add_parser("plan", help="list the runs of a study, running nothing")
    plan.set_defaults(stage=commands.plan)
    plan.add_argument("config", type=Path, nargs="?", default=Path("config/config.yaml"))

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
    return made


def _add_memory(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "the memory that training a network needs: by the paper's accounting, and the trainer's own plan"
    memory = subparsers.add_parser("memory", help=about, description=about)
    memory.set_defaults(stage=commands.memory)
    what = memory.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", help="mlp, cnv, binarynet, ... (config/models)")
    what.add_argument("--run", type=Path, metavar="FILE", help="a run of a study")
    memory.add_argument("--output", type=Path, metavar="FILE", help="record (with --run)")
    memory.add_argument("--dataset", help="take its image shape, not the model's own")
    memory.add_argument("--batch-size", type=int, default=100, help="default: %(default)s")
    memory.add_argument(
        "--optimizer", choices=("adam", "sgd", "bop"), default="adam", help="default: %(default)s"
    )
    memory.add_argument(
        "--threads", type=int, default=1, help="of the trainer's own plan (default: %(default)s)"
    )
    memory.add_argument(
        "--method",
        action="append",
        metavar="PRESET",
        help="standard, proposed, lean, bare; repeatable (default: standard and proposed)",
    )
    memory.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a switch set otherwise in every method but standard; repeatable",
    )
    memory.add_argument(
        "--models",
        type=Path,
        default=Path("config/models"),
        help="folder of model files (default: %(default)s)",
    )


def _add_profile(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "where a training's memory goes: a few steps of a run on this machine, its arena, its process, massif"
    profile = subparsers.add_parser("profile", help=about, description=about)
    profile.set_defaults(stage=commands.profile)
    profile.add_argument(
        "run", metavar="RUN", help="a run's file, or the id of one under results/runs/device"
    )
    profile.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="packed data set (default: that of the run, in data/ beside its runs/)",
    )
    profile.add_argument(
        "--steps",
        type=int,
        default=100,
        help="of training; under valgrind's massif it is one (default: %(default)s)",
    )
    profile.add_argument(
        "--threads", type=int, default=1, help="of the trainer (default: %(default)s)"
    )
    profile.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="record (default: profile/<run id>.json beside runs/, and its tables are printed)",
    )


def _add_farm(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    farm = subparsers.add_parser("farm", help="the devices and their jobs")
    actions = farm.add_subparsers(required=True, metavar="ACTION")
    for name, stage, about in (
        ("list", farm_commands.list_devices, "the inventory as a table"),
        (
            "check",
            farm_commands.check_devices,
            "reach every device and say whether it is fit for work",
        ),
        ("enroll", farm_commands.enroll_device, "show a board's host key and pin it"),
        ("jobs", farm_commands.list_jobs, "the jobs that are on the devices, and how they stand"),
        ("stop", farm_commands.stop_job, "end a job on the device that runs it"),
        ("shell", farm_commands.open_shell, "a shell on a device, or a command behind --"),
        (
            "clean",
            farm_commands.clean_devices,
            "remove what no job needs: folders of jobs that do not run, stored files that none uses",
        ),
    ):
        action = actions.add_parser(name, help=about, description=about)
        action.set_defaults(stage=stage)
        _add_farm_options(action)
        if name in {"list", "check", "jobs", "clean"}:
            action.add_argument("--json", action="store_true", help="JSON for programs, no table")
        if name == "check":
            _add_build_option(action)
        if name in {"enroll", "shell"}:
            action.add_argument("name", help="the device's name in the inventory")
        if name == "shell":
            action.add_argument("words", nargs="*", metavar="COMMAND", help="default: a shell")
        if name == "stop":
            action.add_argument("run", metavar="RUN", help="the run's id (edgebnn farm jobs)")
        if name == "clean":
            action.add_argument("names", nargs="*", metavar="NAME", help="devices (default: all)")
            action.add_argument(
                "--older-than",
                type=int,
                default=7,
                metavar="DAYS",
                help="what is younger stays (default: %(default)s; 0: nothing does)",
            )


def _add_build_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build"),
        help="folder of the built trainers (default: %(default)s)",
    )


def _add_farm_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--farm",
        type=Path,
        default=Path("config/farm.yaml"),
        help="the inventory (default: %(default)s)",
    )
    parser.add_argument(
        "--virtual",
        type=Path,
        default=Path("results/virtual"),
        help="folder of the virtual devices' files (default: %(default)s)",
    )
