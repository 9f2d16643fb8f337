"""A real OpenSSH server on loopback, with a folder of the test's for HOME, and a real agent."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")

USER = getpass.getuser()

KEPT = """
import os, signal, sys
from edgebnn.farm.keeper import be_kept
be_kept()
signal.signal(signal.SIGINT, signal.SIG_DFL)  # its commands inherit what is ignored
os.execv(sys.argv[1], sys.argv[1:])
"""

needs_sshd = pytest.mark.skipif(SSHD is None, reason="no OpenSSH server (openssh-server)")


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    """Its keeper: nothing that was started on it outlives it."""
    port: int
    home: Path
    """Where its commands run."""
    host_key: str
    """Type and base64."""

    def entry(self, **more: Any) -> dict[str, Any]:
        """What one writes into the inventory for it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "board": "bench",
            "target": "native",
            **more,
        }

    def trust(self, known_hosts: Path) -> None:
        """Pins its host key."""
        with known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{self.port} {self.host_key}\n")


def keygen(file: Path, *options: str, passphrase: str = "") -> Path:
    """A new Ed25519 key."""
    command = [
        "ssh-keygen",
        "-q",
        "-N",
        passphrase,
        "-f",
        str(file),
        *(options or ("-t", "ed25519")),
    ]
    subprocess.run(command, check=True)
    return file


@contextmanager
def serve(folder: Path, *allowed: Path, login: str = "", options: str = "") -> Iterator[Server]:
    """An SSH server.

    Args:
        folder: all of its files.
        allowed: keys that it lets in.
        login: what the account's login script does, in sh.
        options: more lines of sshd_config.
    """
    assert SSHD is not None
    home = folder / "home"
    home.mkdir(parents=True)
    host_key = keygen(folder / "host_key")
    (folder / "allowed").write_text("".join(Path(f"{key}.pub").read_text() for key in allowed))
    shell = folder / "shell"
    shell.write_text(
        f"#!/bin/sh\nexport HOME={shlex.quote(str(home))}\ncd || exit\n{login}\n"
        'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    shell.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # it asks for it if it is root
    config = folder / "sshd_config"
    config.write_text(
        f"{options}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'allowed'}\nStrictModes no\nUsePAM no\nUseDNS no\n"
        f"SetEnv HOME={home}\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nForceCommand {shell}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", KEPT, SSHD, "-D", "-e", "-f", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        while b"listening on" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.01)
        public = " ".join(Path(f"{host_key}.pub").read_text().split()[:2])
        yield Server(process, port, home, public)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[str]:
    """An agent that holds keys; yields its socket."""
    where = folder / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(where)], stdout=subprocess.DEVNULL)
    try:
        while not where.exists():
            assert process.poll() is None
            time.sleep(0.01)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(where)}
        for key in keys:
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
        yield str(where)
    finally:
        process.terminate()
        process.wait()
