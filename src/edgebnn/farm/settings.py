"""What of a device changes a figure: the record keeps it, and a run is made anew when it changes.

Where a device is (host, port, user, key), where its meter is (address), and what other devices there are changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from edgebnn.errors import EdgebnnError
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.record import Record, canonical, read_record

_LIMIT = "memory_limit_mib"
"""Stands in no record of a device without a limit."""


def settings(device: Device, stage: str = "device") -> dict[str, str | int]:
    """Flat names and scalars, for the record's parameters.

    Args:
        stage: `device`, which trains with our trainer, or `baseline`, with Keras.
    """
    meter = "none"
    if device.meter:
        meter = canonical(device.meter.model_dump(mode="json", exclude={"address"}))
    found = {"target": device.target, "threads": device.threads, "meter": meter}
    if device.memory_limit_mib:
        found[_LIMIT] = device.memory_limit_mib
    return {**found, "python": device.python or "default"} if stage == "baseline" else found


def changes(record: Record, inventory: Inventory) -> list[str]:
    """What was changed of a record's device since it was made.

    A device that is no longer in the inventory leaves its records as they are.
    """
    device = inventory.devices.get(record.provenance.host)
    if device is None or device.board != record.parameters.get("board"):
        return []
    was, now = record.parameters, settings(device, record.stage)
    changed = [name for name in dict.fromkeys([*now, _LIMIT]) if was.get(name) != now.get(name)]
    return [*changed, "kind"] if record.provenance.virtual != device.virtual else changed


def replaces(path: Path, inventory: Inventory) -> str:
    """Which record a run's record replaces because its device was changed: that one's start, or nothing.

    Which device trains a run is not known before; so its settings are no parameter of the workflow's
    rule, and this is: it differs from what the record at `path` says of itself exactly if that record's
    device was changed.
    """
    try:
        record = read_record(path)
    except EdgebnnError:
        return ""  # not there yet, or damaged
    now = record.provenance
    return now.started if changes(record, inventory) else now.replaces
