"""How a stage ended that could not say so itself: killed by a signal, it leaves no word.

The workflow's shell outlives it and asks here, with its exit status.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from edgebnn.printable import printable
from edgebnn.secrecy import masked

BEHIND_SIGNALS = 128
"""A shell's exit status for a command that a signal ended is this and the signal's number."""
INTERRUPTED = BEHIND_SIGNALS + signal.SIGINT
"""By Ctrl-C: no failure of the stage's."""

_WHY = {
    signal.SIGKILL: "out of memory?",
    signal.SIGTERM: "ended from outside; a time limit?",
    signal.SIGHUP: "its terminal or connection was closed",
    signal.SIGXCPU: "a limit of processor time (ulimit -t)",
    signal.SIGXFSZ: "a limit of a file's size (ulimit -f)",
    signal.SIGILL: "this processor lacks an instruction that a library was built for?",
    signal.SIGABRT: "a library gave up; its last words are in the log",
    signal.SIGSEGV: "a library crashed",
    signal.SIGBUS: "a library crashed, or a disk was full",
    signal.SIGFPE: "a library crashed",
}


def failure_note(output: Path) -> Path:
    """Where a stage says why it has no output: beside it, for the report and the summary."""
    return output.with_name(output.name + ".failed")


def ended(status: int, output: Path, log: Path) -> int:
    """Leaves a note beside a stage's output, and a last line in its log, unless the stage did.

    Args:
        status: the stage's exit status as a shell has it.
        output: of the stage; the note's name is made of it.
        log: of the stage.

    Returns:
        An exit status that is not 0: the stage's.
    """
    if status == INTERRUPTED:
        return status
    words = _last_words(log)
    with suppress(ValueError, OSError):  # no signal; a disk that refuses: Snakemake names the job
        if status > BEHIND_SIGNALS:
            number = signal.Signals(status - BEHIND_SIGNALS)
            said = f"killed by signal {number.value}: {_WHY.get(number, number.name)}"
            with log.open("a") as file:
                file.write(f"edgebnn: {said}\n")
            said = f"{said}; its last words: {words}" if words else said
            failure_note(output).write_text(f"{masked(said)}\n")
        elif not failure_note(output).exists():
            failure_note(output).write_text(masked(words or f"exit status {status}") + "\n")
    return status or 1


def _last_words(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(errors="replace").replace("\r", "\n").splitlines()
        return printable(next((line.strip() for line in reversed(lines) if line.strip()), ""))
    return ""
