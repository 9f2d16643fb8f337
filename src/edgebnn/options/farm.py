"""The subcommands of the farm, and the options of all that use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.farm import commands

if TYPE_CHECKING:
    import argparse

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_farm(subparsers: Subparsers) -> None:
    """Adds `farm` and its actions."""
    farm = subparsers.add_parser("farm", help="the devices and their jobs")
    actions = farm.add_subparsers(required=True, metavar="ACTION")
    for name, stage, about in (
        ("list", commands.list_devices, "the inventory as a table"),
        (
            "check",
            commands.check_devices,
            "reach every device and say whether it is fit for work",
        ),
        ("enroll", commands.enroll_device, "show a board's host key and pin it"),
        ("jobs", commands.list_jobs, "the jobs that are on the devices, and how they stand"),
        ("stop", commands.stop_job, "end a job on the device that runs it"),
        ("shell", commands.open_shell, "a shell on a device, or a command behind --"),
        (
            "clean",
            commands.clean_devices,
            "remove what no job needs: folders of jobs that do not run, stored files that none uses",
        ),
    ):
        action = actions.add_parser(name, help=about, description=about)
        action.set_defaults(stage=stage)
        add_farm_options(action)
        if name in {"list", "check", "jobs", "clean"}:
            action.add_argument("--json", action="store_true", help="JSON for programs, no table")
        if name == "check":
            add_build_option(action)
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


def add_build_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--build`."""
    parser.add_argument(
        "--build",
        type=Path,
        default=Path("build"),
        help="folder of the built trainers (default: %(default)s)",
    )


def add_farm_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--farm` and `--virtual`."""
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
