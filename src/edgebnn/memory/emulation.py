"""What a process takes that trains in Keras: for a scheduler, which must not start too many at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgebnn.memory.accounting import memory_table, total_mib
from edgebnn.study.switches import PRESETS

if TYPE_CHECKING:
    from edgebnn.study.run import Run

BACKEND_MIB = 1100
"""Of a process before it has a network, and of its compiler."""
FACTOR = 2
"""Of a float32 network's memory: XLA keeps some maps twice."""


def emulation_mib(run: Run) -> int:
    """An upper estimate, in MiB, of the memory of a run of the stage `emulate` on CPUs.

    Whatever the method, the emulation keeps float32: BACKEND_MIB + FACTOR · the standard method's
    memory. TensorFlow 2.21 took 819 MiB for the MLP at batch 100 (estimated: 1,115) and 1,190 for CNV
    (1,359).
    """
    at_once = run.micro_batch or run.batch_size
    table = memory_table(run.network, at_once, "adam", PRESETS["standard"])
    return math.ceil(BACKEND_MIB + FACTOR * total_mib(table))
