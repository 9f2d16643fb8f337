"""What each action of `edgebnn farm` does: reads the inventory, asks the devices, shows what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

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


def list_jobs(options: argparse.Namespace) -> None:
    """The jobs that are on the devices."""
    from edgebnn.farm.inventory import load_inventory
    from edgebnn.farm.jobs import find_jobs
    from edgebnn.farm.tables import table_of

    inventory = load_inventory(options.farm)
    found = find_jobs(inventory, options.virtual)
    title = f"jobs on the devices of {inventory.path}" if found else "no jobs on the devices"
    _show(options, table_of(title, [job.cells() for job in found]), [job.row() for job in found])


def stop_job(options: argparse.Namespace) -> None:
    """Ends a job on the device that runs it."""
    from edgebnn.farm.inventory import load_inventory
    from edgebnn.farm.jobs import stop_job

    for name in stop_job(load_inventory(options.farm), options.virtual, options.run):
        print(f"stopped on {name}: {options.run}; its checkpoint stays there")


def clean_devices(options: argparse.Namespace) -> None:
    """Removes what no job needs."""
    from edgebnn.farm.inventory import load_inventory
    from edgebnn.farm.jobs import clean
    from edgebnn.farm.tables import table_of

    inventory = load_inventory(options.farm)
    rows = clean(inventory, options.virtual, options.names, options.older_than)
    title = f"removed from the devices of {inventory.path}" if rows else "no device has files"
    _show(options, table_of(title, rows), rows)


def open_shell(options: argparse.Namespace) -> int:
    """A shell on a device, or a command."""
    from edgebnn.farm.inventory import load_inventory
    from edgebnn.farm.shell import shell

    return shell(load_inventory(options.farm), options.virtual, options.name, options.words)


def _show(options: argparse.Namespace, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table for people, or with `--json` its rows for programs."""
    from rich.console import Console

    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        Console().print(table if rows else table.title)
