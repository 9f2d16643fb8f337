"""The boards that a step is estimated for, and what is assumed of them.

Clocks are the makers'. The other figures are assumptions, about what programs are seen to reach;
a run on the board replaces them.
"""

from __future__ import annotations

from dataclasses import dataclass

EFFICIENCY = 0.9
"""Assumed of all cores together: so much of one core's speed each."""


@dataclass(frozen=True)
class Board:
    """A board and its processor."""

    name: str
    processor: str
    """As LLVM calls it."""
    cores: int
    clock_hz: float
    rest_cycles: float
    """Assumed: cycles of an instruction outside the products' inner loops, caches' misses included."""
    bytes_per_s: float
    """Assumed: what all cores together read and write of memory."""


BOARDS = (
    Board("Pi 3B+", "cortex-a53", 4, 1.4e9, rest_cycles=1.5, bytes_per_s=2e9),
    # All revisions run at 1.5 GHz; those from 1.4 on reach 1.8 with arm_boost=1, which new systems set.
    Board("Pi 4B", "cortex-a72", 4, 1.5e9, rest_cycles=0.9, bytes_per_s=4e9),
    Board("Pi 5", "cortex-a76", 4, 2.4e9, rest_cycles=0.6, bytes_per_s=9e9),
)
