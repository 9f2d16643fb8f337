"""A device for a job: one of the board that is asked for, fit and free."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.check import Health, check
from edgebnn.farm.connection import Host
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.reach import reach
from edgebnn.spelling import nearest

RETRY_S = 5.0


@dataclass(frozen=True)
class Picked:
    """A device that is ours."""

    name: str
    device: Device
    host: Host
    health: Health


@contextmanager
def pick(
    inventory: Inventory,
    board: str,
    virtual: Path,
    say: Callable[[str], None],
    wait: Callable[[], None] = lambda: time.sleep(RETRY_S),
) -> Iterator[Picked]:
    """Takes a device of a board while the block runs; all or nothing is held.

    A device that fails is set aside with its reason. If all that are left are busy, it waits for one.

    Args:
        virtual: folder under which virtual devices have their files.
        say: told what happens.
        wait: called between two rounds over the busy devices.

    Raises:
        ConfigError: no device has this board.
        InfrastructureError: none is left; the message has every device's reason.
    """
    left = list(inventory.on_board(board))
    if not left:
        raise ConfigError(
            f"{inventory.path}: no device with board '{board}'{nearest(board, inventory.boards())}; "
            f"boards are {', '.join(sorted(inventory.boards())) or 'none'}"
        )
    reasons: list[str] = []
    waiting = False
    while left:
        for name in tuple(left):
            with ExitStack() as stack:
                try:
                    picked = _try(name, inventory, virtual, stack)
                except InfrastructureError as error:
                    left.remove(name)
                    reasons.append(str(error))
                    say(f"set aside: {error}")
                    continue
                if picked is not None:
                    yield picked
                    return
        if left:
            if not waiting:
                say(f"busy: {', '.join(left)}; waiting")
            waiting = True
            wait()
    raise InfrastructureError(f"no device with board '{board}' is fit:\n  " + "\n  ".join(reasons))


def _try(name: str, inventory: Inventory, virtual: Path, stack: ExitStack) -> Picked | None:
    """One device, held by `stack`, or None if it is busy."""
    host = stack.enter_context(reach(name, inventory, virtual))
    if not stack.enter_context(lease(host)):
        return None
    health = check(host, inventory.devices[name])
    if health.errors:
        raise InfrastructureError(f"device {name}: {health.errors}")
    return Picked(name, inventory.devices[name], host, health)
