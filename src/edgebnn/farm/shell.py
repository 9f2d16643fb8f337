"""A shell on a device, or a command: the system's own `ssh`, which trusts what we trust."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.farm.inventory import Device, Inventory


def shell(inventory: Inventory, virtual: Path, name: str, command: list[str]) -> int:
    """Opens it, and returns its exit status.

    Args:
        virtual: folder under which virtual devices have their files.
        command: what to run instead of a shell; empty: a shell.

    Raises:
        ConfigError: no such device, or no ssh here.
    """
    device = inventory.device(name)
    if device.virtual:
        home = (virtual / name).resolve()
        home.mkdir(parents=True, exist_ok=True)
        if not command:
            print(f"{name} is this machine; its home is {home}", file=sys.stderr)
        words = command or [os.environ.get("SHELL", "/bin/sh"), "-i"]
        environment = {**os.environ, "HOME": str(home)}
        return subprocess.run(words, cwd=home, env=environment, check=False).returncode
    return subprocess.run(_ssh(device, inventory.known_hosts, command), check=False).returncode


def _ssh(device: Device, known_hosts: Path, command: list[str]) -> list[str]:
    program = shutil.which("ssh")
    if program is None:
        raise ConfigError("there is no program ssh here (openssh-client)")
    words = [program, "-o", f"UserKnownHostsFile={shlex.quote(str(known_hosts.resolve()))}"]
    words += ["-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes"]
    words += ["-o", "PasswordAuthentication=no", "-o", "UpdateHostKeys=no"]
    words += ["-o", "HostKeyAlgorithms=-*-cert-*"]  # a @cert-authority is not trusted
    if device.port:
        words += ["-p", str(device.port)]
    if device.user:
        words += ["-l", device.user]
    if device.identity_file:
        words += ["-i", str(device.identity_file.expanduser())]
    return [*words, "--", device.host, *([shlex.join(command)] if command else [])]
