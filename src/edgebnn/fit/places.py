"""Where a training is to fit: a kind of board, known or of the inventory, or so much memory."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgebnn.bench.arm.boards import Board
from edgebnn.energy.declared import Config as Declared
from edgebnn.errors import ConfigError
from edgebnn.farm.inventory import Device
from edgebnn.fit.boards import KINDS, SYSTEM_MIB
from edgebnn.memory.accounting import MIB
from edgebnn.spelling import nearest

_UNITS = {
    "": 1,
    "b": 1,
    "kib": 1 << 10,
    "mib": MIB,
    "gib": 1 << 30,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
}


@dataclass(frozen=True)
class Place:
    """What is known of where it would train."""

    name: str
    """The kind of board, as inventories have it; empty for memory alone."""
    title: str
    free_bytes: int
    said: str
    """What the memory is made of."""
    speed: Board | None
    watts: float | None
    """Of the whole board while it trains."""
    watts_said: str
    virtual: bool


def place_of(
    board: str | None, memory: str | None, threads: int, devices: Mapping[str, Device]
) -> Place:
    """What is known of a kind of board; what the inventory says of its devices comes first.

    Args:
        board: its name, or None.
        memory: what may be taken, as `64MiB`; None: what such a board has.
        threads: busy cores.
        devices: of the inventory and of this kind, by name.

    Raises:
        ConfigError: neither is given, the board is not known, or `memory` is no size.
    """
    given = None if memory is None else size(memory)
    if board is None:
        if given is None:
            raise ConfigError("say where: --board rpi3b+, or --memory 64MiB, or both")
        return Place("", "", given, "as given", None, None, "", virtual=False)
    kind = KINDS.get(board)
    if kind is None and not devices:
        raise ConfigError(
            f"--board: nothing is known of '{board}'{nearest(board, KINDS)}; boards are "
            f"{', '.join(KINDS)}, and those of the inventory (--farm)"
        )
    virtual = any(device.virtual for device in devices.values())
    limits = [device.memory_limit_mib for device in devices.values() if device.memory_limit_mib]
    if given is not None:
        free, said = given, "as given"
    elif limits:
        free, said = min(limits) * MIB, "memory_limit_mib of the inventory"
    elif kind is not None:
        free = kind.free_mib * MIB
        said = (
            f"of {kind.memory_mib}, the smallest of this kind; {SYSTEM_MIB} assumed for the system"
        )
    elif virtual:
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        said = "all of this machine's"
    else:
        raise ConfigError(
            f"--board: the memory of '{board}' is not known: say --memory, or memory_limit_mib in the "
            f"inventory"
        )
    declared = [
        device.meter.load_w for device in devices.values() if isinstance(device.meter, Declared)
    ]
    watts, watts_said = None, ""
    if declared:
        watts, watts_said = declared[0], "as declared in the inventory"
    elif kind is not None:
        watts, watts_said = kind.watts(threads), "assumed"
    title = kind.title if kind else board
    speed = kind.speed if kind else None
    return Place(board, title, free, said, speed, watts, watts_said, virtual)


def size(text: str) -> int:
    """Bytes of `64MiB`, `1.5 GiB`, `5000000`; raises ConfigError."""
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if not found or unit is None or not (count := int(float(found[1]) * unit)):
        raise ConfigError(f"--memory: found '{text}'; wanted is a size, as 64MiB, 1GiB or 5MB")
    return count
