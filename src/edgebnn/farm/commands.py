"""What each action of `edgebnn farm` does: reads the inventory, asks the devices, shows what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from rich.table import Table


def list_devices(options: argparse.Namespace) -> None:
    """The inventory."""
    from edgebnn.farm import tables
    from edgebnn.farm.inventory import load_inventory

    inventory = load_inventory(options.farm)
    _show(options, tables.listing(inventory), tables.listed(inventory))


def check_devices(options: argparse.Namespace) -> int:
    """Every device; exit status 3 if one is unfit."""
    from edgebnn.farm import tables
    from edgebnn.farm.inventory import load_inventory

    inventory = load_inventory(options.farm)
    found = tables.check_all(inventory, options.virtual, options.build)
    _show(options, tables.checked_table(inventory, found), tables.checked_list(inventory, found))
    return 3 if any(checked.state == "error" for checked in found.values()) else 0


def enroll_device(options: argparse.Namespace) -> None:
    """Pins a board's host key."""
    from edgebnn.farm.enroll import enroll
    from edgebnn.farm.inventory import load_inventory

    enroll(load_inventory(options.farm), options.name)


def _show(options: argparse.Namespace, table: Table, rows: list[dict[str, Any]]) -> None:
    """A table for people, or with `--json` its rows for programs."""
    from rich.console import Console

    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        Console().print(table)
