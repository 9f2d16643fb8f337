"""What people ask of it: subcommands that print an answer and make no part of a study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.commands import questions as commands
from edgebnn.options.stages import add_init_option

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_memory(subparsers: Subparsers) -> None:
    """Adds `memory`."""
    about = "the memory that training a network needs: by the paper's accounting, and the trainer's own plan"
    memory = subparsers.add_parser("memory", help=about, description=about)
    memory.set_defaults(stage=commands.memory)
    what = memory.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", help="mlp, cnv, binarynet, ..., or a file of --models")
    what.add_argument("--run", type=Path, metavar="FILE", help="a run of a study")
    memory.add_argument("--output", type=Path, metavar="FILE", help="record (with --run)")
    memory.add_argument("--dataset", help="take its image shape, not the model's own")
    _add_case(memory)
    memory.add_argument(
        "--freeze",
        type=_numbers,
        default=(),
        metavar="LAYERS",
        help="numbers of layers that are not trained, as in a study: 2,5",
    )
    memory.add_argument(
        "--method",
        action="append",
        metavar="PRESET",
        help="standard, proposed, lean, bare; repeatable (default: standard and proposed)",
    )


def add_fit(subparsers: Subparsers) -> None:
    """Adds `fit`."""
    about = "whether a training fits a board: the plan, the largest batch, what would make it fit, time and energy"
    fit = subparsers.add_parser("fit", help=about, description=about)
    fit.set_defaults(stage=commands.fit)
    fit.add_argument(
        "--model", required=True, help="mlp, cnv, binarynet, ..., or the file of a model"
    )
    fit.add_argument("--board", help="a kind: rpi3b+, rpi5, ..., or one of the inventory's")
    fit.add_argument(
        "--memory", metavar="SIZE", help="what it may take: 64MiB (default: what such a board has)"
    )
    fit.add_argument("--dataset", help="default: the paper's for this model")
    _add_case(fit)
    fit.add_argument(
        "--method",
        metavar="PRESET",
        default="proposed",
        help="standard, proposed, lean or bare (default: %(default)s)",
    )
    fit.add_argument(
        "--farm",
        type=Path,
        default=Path("config/farm.yaml"),
        help="the inventory, if there is one (default: %(default)s)",
    )
    fit.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="a study's folder, for times that were measured (default: %(default)s)",
    )
    fit.add_argument("--json", action="store_true", help="JSON for programs")


def add_compare(subparsers: Subparsers) -> None:
    """Adds `compare`."""
    about = "two runs, or two methods of a study, side by side"
    compare = subparsers.add_parser("compare", help=about, description=about)
    compare.set_defaults(stage=commands.compare)
    for side in ("left", "right"):
        compare.add_argument(
            side,
            metavar="A" if side == "left" else "B",
            help="a run's id, a record's file, or a method's name in the study",
        )
    compare.add_argument(
        "--plan",
        type=Path,
        default=Path("results/plan.json"),
        metavar="FILE",
        help="the study's; its folder has the records (default: %(default)s)",
    )
    compare.add_argument("--json", action="store_true", help="JSON for programs")


def add_profile(subparsers: Subparsers) -> None:
    """Adds `profile`."""
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
    add_init_option(profile)
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


def add_export(subparsers: Subparsers) -> None:
    """Adds `export`."""
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


def add_new(subparsers: Subparsers) -> None:
    """Adds `new`."""
    about = "make a folder with a first study: small, offline, no board"
    new = subparsers.add_parser("new", help=about, description=about)
    new.set_defaults(stage=commands.new)
    new.add_argument("folder", type=Path, metavar="FOLDER", help="it must be new or empty")


def add_plan(subparsers: Subparsers) -> None:
    """Adds `plan`."""
    plan = subparsers.add_parser("plan", help="list the runs of a study, running nothing")
    plan.set_defaults(stage=commands.plan)
    plan.add_argument("config", type=Path, nargs="?", default=Path("config/config.yaml"))


def _numbers(text: str) -> tuple[int, ...]:
    """`2,5` as (2, 5)."""
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"found '{text}', allowed are numbers of layers: 2,5"
        ) from None


def _add_case(parser: argparse.ArgumentParser) -> None:
    """What a training is, beside its model, data set and method."""
    parser.add_argument("--batch-size", type=int, default=100, help="default: %(default)s")
    parser.add_argument(
        "--optimizer", choices=("adam", "sgd", "bop"), default="adam", help="default: %(default)s"
    )
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a switch set otherwise, in every method but standard; repeatable",
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="of the trainer (default: %(default)s)"
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("config/models"),
        help="folder of your model files, before edgebnn's own (default: %(default)s)",
    )
