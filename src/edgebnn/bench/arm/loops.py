"""The inner loops of the boards' products, as the compiler made them.

A kernel's object is disassembled. Of its innermost loops (the code between a branch back and its
target, with no other branch back within), that with the most multiply-adds an iteration runs nearly
all of a large product; they are told by the one instruction that every product of the kernel needs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import JobError

TARGET = "aarch64-linux"
"""llvm-mca's models of these processors are of their 64-bit instructions."""
COUNTED: dict[str, tuple[str, int]] = {
    "binary_binary": ("cnt", 128),  # the bits of a vector
    "short_binary": ("tbl", 32),  # 16 bytes, sums of four terms, half of their width
    "byte_binary": ("tbl", 64),  # 16 lanes' sums of four terms
    "real_binary": ("fmla", 16),  # four lanes, sums of four terms
    "integer_integer": ("smlal", 4),
    "integer_real": ("fmla", 4),
}
"""Kernel -> the instruction that is counted, and the multiply-adds of each."""

_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)(?:\s+([^/<\n]*))?")
_BRANCHES = re.compile(r"b\.\w+|cbn?z|tbn?z")


@dataclass(frozen=True)
class Loop:
    """One iteration's code."""

    code: tuple[str, ...]
    """Instructions, in order; the last is the branch back."""
    multiply_adds: int


def disassembled(target: str, kernel: str, folder: Path) -> str | None:
    """The NEON variant's object as llvm-objdump has it; None if that is not on the PATH.

    Args:
        folder: of the target's build.

    Raises:
        JobError: there is no such object, or not one alone, or it cannot be read.
    """
    program = shutil.which("llvm-objdump")
    if program is None:
        return None
    objects = sorted(folder.glob(f"obj/kernels/{kernel}/neon*.o"))
    if len(objects) != 1:
        raise JobError(
            f"{folder}: found {len(objects)} objects of {kernel} for NEON, wanted is one"
        )
    command = [program, "-d", "--no-show-raw-insn", str(objects[0])]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise JobError(f"{target}, {kernel}: {done.stderr.strip()}")
    return done.stdout


def dominating_loop(text: str, kernel: str) -> Loop | None:
    """The innermost loop with the most multiply-adds; None if no loop has any.

    Args:
        text: llvm-objdump's.
        kernel: one of COUNTED.
    """
    counted, each = COUNTED[kernel]
    loops = []
    for code in _innermost(text):
        names = [line.split()[0] for line in code]
        count = sum(name in (counted, f"{counted}2") for name in names)
        loops.append(Loop(code, count * each))
    best = max(loops, key=lambda loop: loop.multiply_adds, default=None)
    return best if best and best.multiply_adds else None


def _innermost(text: str) -> list[tuple[str, ...]]:
    found = []
    for function in re.split(r"^[0-9a-f]+ <.*>:$", text, flags=re.MULTILINE)[1:]:
        lines = [match.groups() for match in map(_LINE.match, function.splitlines()) if match]
        code = {int(at, 16): f"{name} {operands or ''}".strip() for at, name, operands in lines}
        ranges = [
            (to, at) for at, line in code.items() if (to := _target(line)) is not None and to <= at
        ]
        for first, last in ranges:
            within = [other for _, other in ranges if first <= other < last]
            if first in code and not within:
                found.append(tuple(line for at, line in code.items() if first <= at <= last))
    return found


def _target(line: str) -> int | None:
    """Where a conditional branch goes; None for any other instruction."""
    name, _, operands = line.partition(" ")
    if not _BRANCHES.fullmatch(name):
        return None
    return int(operands.split(",")[-1].strip(), 16)
