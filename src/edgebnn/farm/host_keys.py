"""Which host keys count: those of a known_hosts file, but for the ones that it marks as revoked.

A key that a line marks `@revoked` is refused from every host, whatever names stand on that line, and also
where another line pins it. `@cert-authority` lines make nothing trusted: certificates of hosts are not used.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramiko import HostKeys, MissingHostKeyPolicy, SSHException
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey
from paramiko.pkey import PKey

from edgebnn.errors import InfrastructureError


@dataclass(frozen=True)
class KnownHosts:
    """The keys of a known_hosts file."""

    path: Path
    pinned: HostKeys = field(default_factory=HostKeys)
    revoked: set[bytes] = field(default_factory=set)
    """As they go over the wire."""

    def refused(self, place: str, name: str, key: PKey, otherwise: str = "") -> InfrastructureError:
        """Why a host's key is not taken, and what to do.

        Args:
            place: the host, for messages.
            name: the device's, in the inventory.
            key: what the host showed.
            otherwise: why, if the key is not revoked.
        """
        if key.asbytes() not in self.revoked:
            return InfrastructureError(f"{place}: {otherwise} run: edgebnn farm enroll {name}")
        return InfrastructureError(
            f"{place}: its host key {key.fingerprint} is marked @revoked in {self.path}: others may "
            f"have it; make new ones there (sudo rm /etc/ssh/ssh_host_*; sudo ssh-keygen -A; sudo "
            f"systemctl restart ssh), then run: edgebnn farm enroll {name}"
        )


def read_known_hosts(path: Path) -> KnownHosts:
    """A file's keys; none if there is no file. Lines that bear no key that we can use are passed over.

    Raises:
        InfrastructureError: the file cannot be read, or an @revoked line has no key.
    """
    known = KnownHosts(path)
    entries = []
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return known
    except OSError as error:
        raise InfrastructureError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words and words[0] == "@revoked":
            try:
                known.revoked.add(base64.b64decode(words[3], validate=True))
            except (ValueError, IndexError):
                raise InfrastructureError(
                    f"{path}: line {number}: wanted is @revoked, names, type and key"
                ) from None
        elif words and not words[0].startswith(("#", "@")):
            try:
                entries.append(HostKeyEntry.from_line(" ".join(words)))
            except (SSHException, InvalidHostKey, ValueError):
                continue
    for entry in filter(None, entries):
        kind = entry.key.get_name()
        for host in entry.hostnames:
            first = kind not in (known.pinned.lookup(host) or {})
            if first and entry.key.asbytes() not in known.revoked:
                known.pinned.add(host, kind, entry.key)
    return known


class Refusal(MissingHostKeyPolicy):  # type: ignore[misc] # paramiko has no types
    """Raises an error of ours for a host with no pinned key."""

    def __init__(self, error: Callable[[PKey], InfrastructureError]) -> None:
        self._error = error

    def missing_host_key(self, client: Any, hostname: str, key: PKey) -> None:
        """Never takes it."""
        raise self._error(key)
