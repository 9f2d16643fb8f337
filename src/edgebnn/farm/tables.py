"""The farm on a terminal: `edgebnn farm list` and `edgebnn farm check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import EdgebnnError
from edgebnn.farm.inventory import Inventory

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


def listing(inventory: Inventory) -> Table:
    """The inventory as a table; nothing is contacted."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"devices of {inventory.path}")
    for title in ("device", "kind", "board", "target", "address", "meter"):
        table.add_column(title)
    for name, device in inventory.devices.items():
        port = f":{device.port}" if device.port else ""
        account = f"{device.user}@" if device.user else ""
        address = f"127.0.0.1{port or ', any port'}" if device.virtual else device.host + port
        meter = device.meter.model_dump() if device.meter else {"kind": "none"}
        words = [str(meter.pop("kind")), *(f"{key} {value}" for key, value in meter.items())]
        cells = (name, device.kind, device.board, device.target, account + address, " ".join(words))
        table.add_row(*map(Text, cells))
    return table


def check_all(inventory: Inventory, virtual: Path, console: Console | None = None) -> bool:
    """Reaches and checks every device, and prints what it finds; True if all are fit.

    Args:
        virtual: folder under which virtual devices have their files.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    table = Table("device", "board", "state", "findings", title=f"devices of {inventory.path}")
    fit = True
    for name, device in inventory.devices.items():
        state, findings = _look(name, inventory, virtual)
        fit = fit and state != "error"
        text = Text("\n").join(Text(line, style=_STYLES[level]) for level, line in findings)
        table.add_row(Text(name), Text(device.board), Text(state, style=_STYLES[state]), text)
    console.print(table)
    return fit


def _look(name: str, inventory: Inventory, virtual: Path) -> tuple[str, list[tuple[str, str]]]:
    """The worst level found on one device, and all findings."""
    from edgebnn.farm.check import check
    from edgebnn.farm.lease import lease
    from edgebnn.farm.reach import reach

    findings: list[tuple[str, str]] = []
    try:
        with reach(name, inventory, virtual) as host:
            with lease(host) as free:
                if not free:
                    findings.append(("warning", "busy: a job is running"))
            health = check(host, inventory.devices[name])
            findings += [(found.level, found.text) for found in health.findings]
    except EdgebnnError as error:
        findings.append(("error", str(error)))
    levels = {level for level, _ in findings}
    return next(level for level in ("error", "warning", "ok") if level in levels), findings
