"""What each kernel makes of the networks' products, beside its roofline: rpi/bench, built and run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from edgebnn.errors import JobError
from edgebnn.trainer.build import PROGRAMS, compile_trainer, folder_of

Row = dict[str, str | float]
TARGET = "native"
PROGRAM = "bench/kernels"


def measured_kernels() -> list[Row]:
    """One row for each variant, kernel and product: gmac_per_s and, where there is one, roofline_gmac_per_s.

    Rates are in thousands of millions of multiply-adds a second, on one core.

    Raises:
        JobError: the program cannot be built, or fails.
    """
    folder = folder_of(TARGET)
    wanted = [f"../{folder / program}" for program in (*PROGRAMS, PROGRAM)]
    compile_trainer(TARGET, lambda line: None, *wanted)
    command = [str(folder.absolute() / PROGRAM), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise JobError(f"{command[0]}: exit status {done.returncode}: {done.stderr.strip()}")
    rows: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    return rows


def rates(rows: list[Row], variant: str) -> dict[str, float]:
    """Kernel -> its roofline in that variant, multiply-adds a second on one core; the most of its products'."""
    found: dict[str, float] = {}
    for row in rows:
        if row["variant"] == variant and "roofline_gmac_per_s" in row:
            kernel, rate = str(row["kernel"]), float(row["roofline_gmac_per_s"]) * 1e9
            found[kernel] = max(rate, found.get(kernel, 0.0))
    return found


def seconds_at(
    rates: Mapping[str, float], multiply_adds: Mapping[str, int], threads: int
) -> float | None:
    """The least that a step's products take on that many cores; None if a kernel's roofline is unknown."""
    if not multiply_adds.keys() <= rates.keys():
        return None
    return sum(count / rates[kernel] for kernel, count in multiply_adds.items()) / threads
