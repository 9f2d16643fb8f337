"""A virtual device: an SSH server of our own on loopback, so that the farm's code runs with no board.

`virtual_host` starts it, with a keeper, and it lives exactly as long as the block, or the process
around it: the server holds the reading end of a pipe whose writing end only the parent has. When that
ends, for whatever reason (the block's end, an error, Ctrl-C, SIGKILL), the server goes, and then its
keeper kills all that it started, detached or not. Keys are made anew at each start; one user name and
one key are let in.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgebnn.errors import InfrastructureError
from edgebnn.farm.address import Address

USER = "edgebnn"


@contextmanager
def virtual_host(name: str, port: int, root: Path, where: str) -> Iterator[Address]:
    """Runs a virtual device while the block runs.

    Args:
        name: the device's name in the inventory.
        port: TCP port on 127.0.0.1; 0 takes any free one.
        root: its home folder; stays, with what was deployed into it.
        where: the inventory's file, for messages.

    Raises:
        InfrastructureError: the port is busy, or the server cannot start.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"device {name}: {root}: {error.strerror}") from None
    command = [sys.executable, "-m", "edgebnn.farm.virtual_server", str(port), str(root.resolve())]
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches us alone; we end it by the pipe, in good order
    )
    assert server.stdin is not None
    assert server.stdout is not None
    keys: Path | None = None
    try:
        line = server.stdout.readline()
        ready: dict[str, Any] = json.loads(line or '{"error": "the server ended at its start"}')
        if "error" in ready:
            raise InfrastructureError(
                f"{where}: devices.{name}.port: {port or 'any'} on 127.0.0.1: {ready['error']}"
            )
        keys = Path(ready["keys"])
        yield Address(
            host="127.0.0.1",
            port=ready["port"],
            user=USER,
            known_hosts=keys / "known_hosts",
            own_key=keys / "client",
        )
    finally:
        server.stdin.close()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()
        if keys is not None:  # gone already, unless the server was killed
            shutil.rmtree(keys, ignore_errors=True)
