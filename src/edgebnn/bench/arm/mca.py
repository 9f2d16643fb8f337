"""What llvm-mca says of a loop: cycles of an iteration when every load hits the first cache."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from edgebnn.bench.arm.loops import Loop
from edgebnn.errors import JobError

ITERATIONS = 200


@dataclass(frozen=True)
class Timing:
    """Of one iteration on one processor."""

    instructions: float
    cycles: float
    limit_cycles: float
    """The least that its busiest unit, or the width of issue, lets it take: Block RThroughput."""
    width: float
    """Micro-operations that can issue a cycle: Dispatch Width."""


def timing_of(loop: Loop, processor: str) -> Timing | None:
    """Runs llvm-mca; None if it is not on the PATH.

    Args:
        processor: as LLVM calls it: `cortex-a53`.

    Raises:
        JobError: llvm-mca failed, or its report is not understood.
    """
    program = shutil.which("llvm-mca")
    if program is None:
        return None
    command = [program, "-mtriple=aarch64", f"-mcpu={processor}", f"-iterations={ITERATIONS}"]
    command += ["-instruction-info=0", "-resource-pressure=0"]
    code = "\n".join(loop.code) + "\n"
    done = subprocess.run(command, input=code, check=False, capture_output=True, text=True)
    if done.returncode:
        raise JobError(f"{program} for {processor}: {done.stderr.strip()}")
    return parsed(done.stdout)


def llvm_version() -> str:
    """`14.0.6`, of llvm-mca, which must be on the PATH."""
    command = ["llvm-mca", "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = re.search(r"version (\S+)", done.stdout)
    return found[1] if found else "unknown"


def parsed(report: str) -> Timing:
    """A report's summary.

    Raises:
        JobError: a line of it is missing.
    """

    def value(name: str) -> float:
        found = re.search(rf"^{name}:\s+([\d.]+)$", report, re.MULTILINE)
        if found is None:
            raise JobError(f"llvm-mca's report: no line '{name}'")
        return float(found[1])

    iterations = value("Iterations")
    return Timing(
        instructions=value("Instructions") / iterations,
        cycles=value("Total Cycles") / iterations,
        limit_cycles=value("Block RThroughput"),
        width=value("Dispatch Width"),
    )
