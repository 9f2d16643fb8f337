"""The kinds of board that are known without one at hand: memory, watts, and what their speed is estimated with.

Memory is that of the smallest of a kind. What the system takes of it and the watts are assumptions; a meter of
kind `declared` and a `memory_limit_mib` in the inventory replace them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgebnn.bench.arm.boards import BOARDS, Board

SYSTEM_MIB = 256
"""Assumed: what Linux and its services keep for themselves."""

_PI_3BP, _PI_4B, _PI_5 = BOARDS


@dataclass(frozen=True)
class Kind:
    """A kind of board, under the name that inventories and studies give it."""

    name: str
    title: str
    memory_mib: int
    """All of it, of the smallest of this kind."""
    idle_w: float
    core_w: float
    """Watts: of the whole board at rest, and what a busy core adds."""
    speed: Board | None
    """None: no model of its processor is there."""

    @property
    def free_mib(self) -> int:
        """What a training may take."""
        return self.memory_mib - SYSTEM_MIB

    def watts(self, threads: int) -> float:
        """Of the whole board, with so many busy cores."""
        return self.idle_w + threads * self.core_w


KINDS = {
    kind.name: kind
    for kind in (
        Kind("rpizero", "Raspberry Pi Zero", 512, 0.5, 0.5, None),
        Kind("rpizero2w", "Raspberry Pi Zero 2 W", 512, 0.7, 0.5, replace(_PI_3BP, clock_hz=1.0e9)),
        Kind("rpi3b", "Raspberry Pi 3B", 1024, 1.5, 0.7, replace(_PI_3BP, clock_hz=1.2e9)),
        Kind("rpi3b+", "Raspberry Pi 3B+", 1024, 1.9, 0.9, _PI_3BP),
        Kind("rpi4b", "Raspberry Pi 4B", 1024, 2.7, 0.9, _PI_4B),
        Kind("rpi5", "Raspberry Pi 5", 1024, 2.8, 1.2, _PI_5),
    )
}
"""By name; docs/fit.md names the assumptions."""
