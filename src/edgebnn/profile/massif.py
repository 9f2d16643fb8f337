"""Valgrind's massif on the native trainer: what the process maps, over the instructions that it runs.

On Linux the trainer is a static program: valgrind cannot put its own malloc in the place of the program's, and
massif's usual count, of heap blocks, stays 0. With `--pages-as-heap=yes` it counts pages at mmap and
brk instead: the arena, which is one mmap, the rest of the heap, and the program itself.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgebnn.profile.watched import Job, last_lines, versions_of

STEPS = 1
"""Of training under massif: it takes thirty times as long and more, and a step visits every phase."""
OUT = "massif.out"
COUNTS = (
    "pages that the process maps: the arena, the rest of its heap, its stack and the program. A static "
    "program's malloc cannot be watched by itself"
)

_SNAPSHOT = re.compile(r"^time=(\d+)\nmem_heap_B=(\d+)\nmem_heap_extra_B=(\d+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Massif:
    """Snapshots (instructions, bytes), or why there are none."""

    snapshots: tuple[tuple[int, int], ...]
    note: str
    versions: dict[str, str]


def run_massif(job: Job, folder: Path) -> Massif:
    """Trains STEPS under massif and leaves OUT in the folder; it is no failure if valgrind is absent or fails.

    Args:
        folder: for what massif writes.
    """
    program = shutil.which("valgrind")
    if program is None:
        return Massif((), "absent: no valgrind on the PATH", {})
    out = folder / OUT
    watching = [program, "--tool=massif", "--pages-as-heap=yes", "--time-unit=i"]
    watching += ["--depth=1", f"--massif-out-file={out}"]
    # Valgrind shows a processor without what it does not know, AVX-512 for one: no variant may be forced.
    environment = job.environment()
    environment.pop("EDGEBNN_KERNEL", None)
    done = subprocess.run(
        [*watching, *job.command(STEPS)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode or not out.is_file():
        said = last_lines(done.stderr).replace("\n", " ") or "no word"
        return Massif((), f"absent: valgrind ended with status {done.returncode}: {said}", {})
    snapshots = read_massif(out.read_text())
    if not snapshots:
        return Massif((), f"absent: {OUT} of valgrind has no snapshot", {})
    kernels = versions_of(done.stdout).get("kernels", "unknown")
    note = f"{COUNTS}. One step, kernels {kernels}"
    return Massif(snapshots, note, {"valgrind": _version(program)})


def read_massif(text: str) -> tuple[tuple[int, int], ...]:
    """The snapshots of a massif.out: (instructions, bytes), in their order."""
    return tuple(
        (int(time), int(heap) + int(extra)) for time, heap, extra in _SNAPSHOT.findall(text)
    )


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    return done.stdout.strip().removeprefix("valgrind-") or "unknown"
