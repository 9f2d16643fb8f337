"""The farm on a terminal: `edgebnn farm list` and `edgebnn farm check`."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.farm.inventory import Inventory
from edgebnn.unexpected import told

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

CHECK_WITHIN_S = 120.0
Findings = list[tuple[str, str]]
"""Level and text."""

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
        meter = device.meter.model_dump(exclude_defaults=True) if device.meter else {"kind": "none"}
        words = [str(meter.pop("kind")), *(f"{key} {value}" for key, value in meter.items())]
        cells = (name, device.kind, device.board, device.target, account + address, " ".join(words))
        table.add_row(*map(Text, cells))
    return table


def check_all(
    inventory: Inventory, virtual: Path, binaries: Path, console: Console | None = None
) -> bool:
    """Reaches and checks all devices at once, and prints what it finds; True if all are fit.

    A device that is not done within CHECK_WITHIN_S is shown as that.

    Args:
        virtual: folder under which virtual devices have their files.
        binaries: folder of the built trainers; those that are there are tried.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    found: dict[str, Findings] = {}

    def look(name: str) -> None:
        found[name] = _look(name, inventory, virtual, binaries)

    # Daemons: one that hangs does not keep the table back, nor the program's end.
    threads = [Thread(target=look, args=(name,), daemon=True) for name in inventory.devices]
    for thread in threads:
        thread.start()
    end = time.monotonic() + CHECK_WITHIN_S
    with console.status(f"asking {len(threads)} devices, at most {CHECK_WITHIN_S:g} s"):
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
    table = Table("device", "board", "state", "findings", title=f"devices of {inventory.path}")
    fit = True
    for name, device in inventory.devices.items():
        findings = found.get(name, [("error", f"not done within {CHECK_WITHIN_S:g} s")])
        state = max((level for level, _ in findings), key=list(_STYLES).index)
        fit = fit and state != "error"
        text = Text("\n").join(Text(line, style=_STYLES[level]) for level, line in findings)
        table.add_row(Text(name), Text(device.board), Text(state, style=_STYLES[state]), text)
    console.print(table)
    return fit


def _look(name: str, inventory: Inventory, virtual: Path, binaries: Path) -> Findings:
    """All that is found on one device."""
    from edgebnn.farm.check import check, trial
    from edgebnn.farm.deploy import programs
    from edgebnn.farm.lease import lease
    from edgebnn.farm.reach import reach

    device = inventory.devices[name]
    findings: Findings = []
    try:
        with reach(name, inventory, virtual) as host, lease(host, "a check") as taken:
            health = check(host, device)
            findings += [(found.level, found.text) for found in health.findings]
            if not taken.ours:
                findings.append(("warning", f"busy: {taken.holder}"))
            elif not health.errors:
                try:
                    _, measure = programs(binaries, device)
                except ConfigError as error:
                    findings.append(("warning", f"the trainer was not tried: {error}"))
                else:
                    started = trial(host, device, measure)
                    findings.append((started.level, started.text))
    except Exception as error:  # one device costs one device, whatever it does
        findings.append(("error", told(error)))
    return findings
