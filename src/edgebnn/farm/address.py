"""Where a device is, and by what we know it."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from edgebnn.farm.inventory import Device


@dataclass(frozen=True)
class Address:
    """All that it takes to connect to one SSH host and to be sure that it is the right one."""

    host: str
    port: int
    user: str
    known_hosts: Path
    """The only file of host keys that counts."""
    identity_file: Path | None = None
    """Private key; None: the usual ones."""
    only_this_key: bool = False
    """Neither agent nor other keys are tried."""

    @property
    def key_name(self) -> str:
        """The host's name in a known_hosts file."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


def board_address(name: str, device: Device, known_hosts: Path) -> Address:
    """A board's address: the inventory's words first, then those of ~/.ssh/config for its host.

    Of the SSH configuration only HostName, Port, User and IdentityFile count; its host keys, agent
    forwarding and the like do not.

    Raises:
        ConfigError: the SSH configuration asks for a jump host or a proxy, or cannot be read.
    """
    import paramiko

    file = Path.home() / ".ssh" / "config"
    try:
        known = paramiko.SSHConfig.from_path(str(file)).lookup(device.host) if file.exists() else {}
    except (OSError, paramiko.SSHException, paramiko.ConfigParseError) as error:
        raise ConfigError(f"{file}: {error}") from None
    for key in ("proxyjump", "proxycommand"):
        if known.get(key) not in (None, "none"):
            raise ConfigError(
                f"device {name}: host '{device.host}' has {key} in {file}: not supported yet; "
                f"give an address that is reached directly"
            )
    files = [Path(text).expanduser() for text in known.get("identityfile", [])]
    return Address(
        host=known.get("hostname", device.host),
        port=device.port or int(known.get("port", 22)),
        user=device.user or known.get("user") or getpass.getuser(),
        known_hosts=known_hosts,
        identity_file=device.identity_file.expanduser()
        if device.identity_file
        else next(iter(files), None),
    )
