"""The time of a step on a board, estimated from what is counted and modelled without it.

    products = sum over kernels: multiply-adds · cycles of a loop / multiply-adds of a loop
    rest     = (instructions - those of the loops) · the board's rest_cycles
    seconds  = max((products + rest) / clock / speedup, bytes / bytes a second)

The speedup of n > 1 threads is n · EFFICIENCY, for products and rest alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgebnn.bench.arm.boards import EFFICIENCY, Board


@dataclass(frozen=True)
class Cost:
    """Of a kernel's inner loop, for each multiply-add, on one processor."""

    cycles: float
    instructions: float


@dataclass(frozen=True)
class Estimate:
    """Seconds of a step, and what they are made of."""

    products_s: float
    rest_s: float
    memory_s: float
    """The least that the step's bytes take; a floor, no part of the sum."""

    @property
    def seconds(self) -> float:
        """Of the step."""
        return max(self.products_s + self.rest_s, self.memory_s)


def estimate(
    board: Board,
    threads: int,
    *,
    instructions: float,
    multiply_adds: Mapping[str, int],
    costs: Mapping[str, Cost],
    moved_bytes: float,
) -> Estimate:
    """A step's time.

    Args:
        threads: at most the board's cores.
        instructions: of the step, on one thread.
        multiply_adds: of the step, by kernel.
        costs: of each of these kernels.
        moved_bytes: that the step reads from and writes to memory.
    """
    products, in_loops = 0.0, 0.0
    for kernel, count in multiply_adds.items():
        products += count * costs[kernel].cycles
        in_loops += count * costs[kernel].instructions
    rest = max(0.0, instructions - in_loops) * board.rest_cycles
    a_second = board.clock_hz * (threads * EFFICIENCY if threads > 1 else 1)
    return Estimate(products / a_second, rest / a_second, moved_bytes / board.bytes_per_s)
