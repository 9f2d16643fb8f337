"""The trainer for this machine, as a program to ask: where it is, built if need be."""

from __future__ import annotations

import sys
from pathlib import Path

from edgebnn.progress import counted
from edgebnn.trainer.build import PROGRAMS, compile_trainer, folder_of, is_command, is_current

TARGET = "native"


def native_trainer() -> Path:
    """`edgebnn-train`, made of the sources as they are. A build says so, and shows its progress.

    Raises:
        JobError: it cannot be built.
    """
    if not is_current(TARGET):
        planned: list[str] = []
        compile_trainer(TARGET, planned.append, "-n")
        commands = sum(map(is_command, planned))
        if commands:
            print(
                "edgebnn: building the C++ trainer for this machine, once; a minute or two",
                file=sys.stderr,
            )
        with counted("building", commands) as step:
            compile_trainer(TARGET, lambda line: is_command(line) and step())
    return (folder_of(TARGET) / PROGRAMS[0]).absolute()
