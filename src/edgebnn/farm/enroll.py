"""Enrolment: a person compares a board's fingerprint once, and its host key is pinned."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.farm.address import Address, board_address
from edgebnn.farm.host_keys import read_known_hosts
from edgebnn.farm.transport import offered_key
from edgebnn.record import atomic_write

if TYPE_CHECKING:
    from edgebnn.farm.inventory import Inventory


def ask(question: str) -> bool:
    """Asks on the terminal; anything but yes, and no terminal at all, is a no."""
    try:
        return input(f"{question} [yes/no] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def enroll(inventory: Inventory, name: str, confirm: Callable[[str], bool] = ask) -> bool:
    """Shows a board's host key and pins it in the inventory's known_hosts; True if it is pinned now.

    Raises:
        ConfigError: no such device, or a virtual one.
        InfrastructureError: it cannot be reached, its key is revoked, or the file cannot be read or written.
    """
    device = inventory.device(name)
    if device.virtual:
        raise ConfigError(f"{inventory.path}: devices.{name}: a virtual device needs no enrolment")
    address = board_address(name, device, inventory.known_hosts)
    return all(_pin(name, step, confirm) for step in _way(address))


def _way(address: Address) -> list[Address]:
    """The hosts from here to a host: its jump hosts, each reached by those before it, then itself."""
    return [*(_way(address.jump) if address.jump else []), address]


def _pin(name: str, address: Address, confirm: Callable[[str], bool]) -> bool:
    """One host of the way; True if its key is pinned now."""
    known = read_known_hosts(address.known_hosts)
    offered = offered_key(name, address)
    if offered.asbytes() in known.revoked:
        raise known.refused(f"device {name} ({address.key_name})", name, offered)
    kind, key = offered.get_name(), offered.get_base64()
    line = f"{address.key_name} {kind} {key}"
    lines = address.known_hosts.read_text().splitlines() if address.known_hosts.exists() else []
    pinned = [old for old in lines if old.split(" ")[0] == address.key_name and old.count(" ") > 1]
    print(f"{name} ({address.key_name}) offers {kind} {fingerprint(key)}")
    if pinned == [line]:
        print("pinned already, unchanged")
        return True
    for old in pinned:
        print(f"CHANGED: pinned is {old.split(' ')[1]} {fingerprint(old.split(' ')[2])}")
    print("Compare it on the board: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub (or its type)")
    if not confirm("Is it the same?"):
        print("not pinned")
        return False
    kept = [old for old in lines if old not in pinned]
    with atomic_write(address.known_hosts) as file:
        file.write("".join(f"{text}\n" for text in [*kept, line]).encode())
    print(f"pinned in {address.known_hosts}")
    return True


def fingerprint(key: str) -> str:
    """SHA256 fingerprint of a base64 key, as ssh-keygen prints it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
