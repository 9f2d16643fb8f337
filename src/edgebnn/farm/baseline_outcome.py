"""What the end of a baseline's script means: that it does not fit, or that there is no TensorFlow, are results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.baseline.keras_train import MEMORY_WORDS, NO_TENSORFLOW, OUT_OF_MEMORY

if TYPE_CHECKING:
    from edgebnn.farm.connection import Done
    from edgebnn.farm.result import Measured

DOES_NOT_FIT = "does not fit"
"""Where what was seen until the end is worth keeping."""
_OWN = "keras_train: "
"""Before the script's own last words."""


def outcome(done: Done, measured: Measured, python: str, device: str) -> str:
    """Why there are no numbers, or an empty string where it is the job itself that failed.

    Args:
        done: the script's end, with another exit status than 0.
        measured: what edgebnn-measure saw of it.
        python: the program.
        device: its name in the inventory.
    """
    words = last_words(done)
    told = any(known in done.stderr.lower() for known in MEMORY_WORDS)
    if measured.killed_for_memory:
        return f"{DOES_NOT_FIT}: killed for memory{_under(measured)}"
    if done.status == OUT_OF_MEMORY or (done.status > 128 and told):
        return f"{DOES_NOT_FIT}: {words}{_under(measured)}"
    if measured.memory_limit_by == "ulimit" and not _own_failure(done):
        # Nothing is killed there: memory is refused, and TensorFlow says so in many ways, or crashes.
        return f"{DOES_NOT_FIT}: ended where memory was refused: {words}{_under(measured)}"
    return no_tensorflow(python, device, words) if done.status == NO_TENSORFLOW else ""


def no_tensorflow(python: str, device: str, words: str) -> str:
    """What to say of a Python without TensorFlow."""
    return f"no TensorFlow in {Path(python).name} of {device}: {words}"


def last_words(done: Done) -> str:
    """The last line of standard error, without the script's name, or its exit status."""
    lines = done.stderr.strip().splitlines() or [f"exit status {done.status}"]
    return lines[-1].removeprefix(_OWN).removeprefix("no TensorFlow: ")


def _own_failure(done: Done) -> bool:
    """Whether the script ended by itself and said why."""
    lines = done.stderr.strip().splitlines()
    return done.status == 1 and bool(lines) and lines[-1].startswith(_OWN)


def _under(measured: Measured) -> str:
    if not measured.memory_limit_bytes:
        return ""
    return (
        f" under a limit of {measured.memory_limit_bytes / 2**20:.0f} MiB"
        f" ({measured.memory_limit_by})"
    )
