"""Where a device is, how it is reached, and by what we know it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebnn.errors import ConfigError
from edgebnn.farm.ssh_config import home, options, own_name
from edgebnn.home import at_home

if TYPE_CHECKING:
    from edgebnn.farm.inventory import Device

USUAL_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519")
"""In ~/.ssh, tried where no IdentityFile is named; in the order of ssh."""
_MOST_JUMPS = 8
_JUMP = re.compile(r"(?:ssh://)?(?:([^@]+)@)?(\[[^]]+\]|[^:]+)(?::([0-9]+))?/?")


@dataclass(frozen=True)
class Address:
    """All that it takes to connect to one SSH host and to be sure that it is the right one."""

    host: str
    port: int
    user: str
    known_hosts: Path
    """The only file of host keys that counts."""
    own_key: Path | None = None
    """The inventory's private key: offered before all others."""
    identity_files: tuple[Path, ...] = ()
    """More private keys, or public ones that choose among the agent's; missing ones are passed over."""
    agent: str = ""
    """Socket of the agent to ask; empty: none."""
    only_these_keys: bool = False
    """Of the agent's keys, only those that `identity_files` names are offered."""
    jump: Address | None = None
    """The host to go through."""
    proxy_command: str = ""
    """A command whose input and output are the connection."""

    @property
    def key_name(self) -> str:
        """The host's name in a known_hosts file."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


def board_address(name: str, device: Device, known_hosts: Path) -> Address:
    """A board's address: the inventory's words first, then those of the SSH configuration for its host.

    Of the SSH configuration count HostName, Port, User, IdentityFile, IdentitiesOnly, IdentityAgent,
    ProxyJump and ProxyCommand; its host keys, agent forwarding and the like do not.

    Raises:
        ConfigError: the SSH configuration cannot be read, or an own name is wanted and there is none.
    """
    try:
        return _address(
            device.host,
            known_hosts,
            user=device.user,
            port=device.port,
            identity_file=device.identity_file,
        )
    except ConfigError as error:
        raise ConfigError(f"device {name}: {error}") from None


def _address(
    host: str,
    known_hosts: Path,
    *,
    user: str = "",
    port: int = 0,
    identity_file: Path | None = None,
    way: list[str] | None = None,
    jumps: int = 0,
) -> Address:
    """The address of a host or an alias.

    Args:
        way: hosts to go through, the nearest first; None: as the SSH configuration says.
        jumps: how many hosts are behind this one already.
    """
    if jumps > _MOST_JUMPS:
        raise ConfigError(f"'{host}' is behind more than {_MOST_JUMPS} ProxyJumps: a circle?")
    known: Mapping[str, Any] = options(host)
    files = [os.path.expandvars(text) for text in known.get("identityfile", [])]
    usual = [] if files or identity_file else [str(home() / ".ssh" / key) for key in USUAL_KEYS]
    command = ""
    if way is None:
        # The first of the two that is mentioned counts.
        proxy = next((key for key in known if key in ("proxyjump", "proxycommand")), "")
        text = known.get(proxy) or "none"
        way = text.split(",") if proxy == "proxyjump" and text.lower() != "none" else []
        command = text if proxy == "proxycommand" and text.lower() != "none" else ""
    jump = None
    if way:
        *before, last = way
        their_user, their_host, their_port = _jump(last.strip())
    if way and their_host != host:  # a block for all hosts is the jump host's too
        jump = _address(
            their_host,
            known_hosts,
            user=their_user,
            port=their_port,
            way=before or None,
            jumps=jumps + 1,
        )
    return Address(
        host=known.get("hostname", host),
        port=port or int(known.get("port", 22)),
        user=user or known.get("user") or own_name(),
        known_hosts=known_hosts,
        own_key=identity_file and _path(str(identity_file)),
        identity_files=tuple(_path(text) for text in [*files, *usual] if text.lower() != "none"),
        agent=_agent(known.get("identityagent", "SSH_AUTH_SOCK")),
        only_these_keys=known.get("identitiesonly", "no").lower() == "yes",
        jump=jump,
        proxy_command=command,
    )


def _jump(text: str) -> tuple[str, str, int]:
    """User, host and port of one word of ProxyJump; what is not said is empty or 0."""
    match = _JUMP.fullmatch(text)
    if not match or int(match[3] or 1) not in range(1, 65536):
        raise ConfigError(f"ProxyJump '{text}': wanted is [user@]host[:port]")
    return match[1] or "", match[2].strip("[]"), int(match[3] or 0)


def _agent(text: str) -> str:
    """The socket that IdentityAgent means."""
    if text.lower() == "none":
        return ""
    if text == "SSH_AUTH_SOCK" or text.startswith("$"):
        return os.environ.get(text.strip("${}"), "")
    return str(_path(text))


def _path(text: str) -> Path:
    return Path(at_home(text))
