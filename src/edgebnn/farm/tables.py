"""The farm on a terminal, or as JSON for programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.check import Finding, check, trial
from edgebnn.farm.deploy import programs
from edgebnn.farm.equipment import equipment
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.reach import reach
from edgebnn.farm.survey import survey
from edgebnn.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True)
class Checked:
    """What was found on one device."""

    findings: tuple[Finding, ...]

    @property
    def state(self) -> str:
        """The worst level; a device with an error gets no job."""
        return max((found.level for found in self.findings), key=list(_STYLES).index)


def table_of(title: str, rows: list[dict[str, str]]) -> Table:
    """Rows with the same keys, which are the columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*(rows[0] if rows else ()), title=title)
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row.values()))
    return table


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


def listed(inventory: Inventory) -> list[dict[str, Any]]:
    """The same for programs: each device's keys as they stand, defaults too, and its name."""
    return [
        {"device": name, **device.model_dump(mode="json")}
        for name, device in inventory.devices.items()
    ]


def check_all(inventory: Inventory, virtual: Path, binaries: Path) -> dict[str, Checked]:
    """Reaches and checks all devices at once; what goes wrong is a finding.

    Args:
        virtual: folder under which virtual devices have their files.
        binaries: folder of the built trainers; those that are there are tried.

    Returns:
        Device -> what was found.
    """
    return survey(
        inventory.devices,
        lambda name: _look(name, inventory, virtual, binaries),
        lambda reason: Checked((Finding("error", reason),)),
    )


def checked_table(inventory: Inventory, found: dict[str, Checked]) -> Table:
    """What `check_all` found, as a table."""
    from rich.table import Table
    from rich.text import Text

    table = Table("device", "board", "state", "findings", title=f"devices of {inventory.path}")
    for name, checked in found.items():
        lines = (
            Text(printable(found.text), style=_STYLES[found.level]) for found in checked.findings
        )
        state = Text(checked.state, style=_STYLES[checked.state])
        board = Text(inventory.devices[name].board)
        table.add_row(Text(name), board, state, Text("\n").join(lines))
    return table


def checked_list(inventory: Inventory, found: dict[str, Checked]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "device": name,
            "board": inventory.devices[name].board,
            "state": checked.state,
            "findings": [{"level": found.level, "text": found.text} for found in checked.findings],
        }
        for name, checked in found.items()
    ]


def _look(name: str, inventory: Inventory, virtual: Path, binaries: Path) -> Checked:
    """All that is found on one device."""
    device = inventory.devices[name]
    with reach(name, inventory, virtual) as host, lease(host, "a check") as taken:
        health = check(host, device)
        findings = list(health.findings)
        if not taken.ours:
            findings.append(Finding("warning", f"busy: {taken.holder}"))
            return Checked(tuple(findings))
        findings += equipment(host, device)
        if not health.errors:
            try:
                _, measure = programs(binaries, device)
                findings.append(trial(host, device, measure))
            except ConfigError as error:
                findings.append(Finding("warning", f"the trainer was not tried: {error}"))
            except InfrastructureError as error:
                findings.append(Finding("error", str(error)))
    return Checked(tuple(findings))
