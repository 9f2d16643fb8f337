"""The subcommands and their options; what each does stands in commands/ and farm/commands.py."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from typing import NoReturn

from edgebnn.options.farm import add_farm
from edgebnn.options.questions import (
    add_compare,
    add_export,
    add_fit,
    add_memory,
    add_new,
    add_plan,
    add_profile,
)
from edgebnn.options.stages import add_stages
from edgebnn.secrecy import masked

__all__ = ["parser"]


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
    made.add_argument("--version", action="version", version=f"edgebnn {version('edgebnn')}")
    subparsers = made.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        add_new,
        add_plan,
        add_memory,
        add_profile,
        add_export,
        add_fit,
        add_compare,
        add_farm,
        add_stages,
    ):
        add(subparsers)
    return made
