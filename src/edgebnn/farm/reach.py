"""Reaching a device, board or virtual, all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edgebnn.farm.address import board_address
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.virtual import virtual_host


@contextmanager
def reach(name: str, inventory: Inventory, virtual: Path) -> Iterator[Host]:
    """A connection to one device of the inventory while the block runs; a virtual one runs with it.

    Args:
        virtual: folder under which virtual devices have their files.

    Raises:
        ConfigError: no such device, or an SSH configuration that we cannot follow.
        InfrastructureError: it cannot be started, reached or trusted.
    """
    device = inventory.device(name)
    with ExitStack() as stack:
        if device.virtual:
            address = stack.enter_context(
                virtual_host(name, device.port, virtual / name, str(inventory.path))
            )
        else:
            address = board_address(name, device, inventory.known_hosts)
        yield stack.enter_context(connect(name, address))
