"""Files to and from a device, through `cat`: any host has it, and not all have SFTP.

A file arrives whole or not at all: what was sent is compared by its SHA-256 before it gets its name.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import COMMAND_WITHIN_S, Host
from edgebnn.farm.mark import ours

_BLOCK = 1 << 15

# $1: the path, $2: the digest of what must arrive. A name that begins with `-` is no option.
_PUT = """
set -- "./$1" "$2"
cat >"$1.part" && chmod 755 "$1.part" &&
  test "$(sha256sum <"$1.part")" = "$2  -" && mv "$1.part" "$1" && exit
status=$?
rm -f "$1.part"
exit $status
"""
_GET = 'sha256sum <"./$1" && exec cat "./$1"'


def reading_limit(file: Path) -> float:
    """Seconds that a device may take to read a file: slow cards read 1 MB in a second."""
    return COMMAND_WITHIN_S + file.stat().st_size / 1e6


def put(host: Host, local: Path, remote: str, sha256: str) -> None:
    """Sends a file to a path under the device's HOME: whole and executable, or not at all.

    Args:
        sha256: the file's digest.

    Raises:
        InfrastructureError: it cannot be stored, arrives changed, or the connection dropped.
    """
    argv = ["sh", "-c", _PUT, "sh", remote, sha256]
    with local.open("rb") as file, host.channel(argv) as channel, host.mapped(f"{remote}: "):
        try:
            while block := file.read(_BLOCK):
                channel.sendall(block)
            channel.shutdown_write()
        except OSError:
            if not channel.closed and not channel.exit_status_ready():
                raise  # else its own words say more
        channel.settimeout(reading_limit(local))
        _end(host, channel, remote)


def get(host: Host, remote: str, local: Path) -> None:
    """Fetches a file from a path under the device's HOME; nothing is left of one that fails.

    Raises:
        InfrastructureError: it is not there, arrives changed, cannot be written here, or the
            connection dropped.
    """
    digest = hashlib.sha256()
    argv = ["sh", "-c", _GET, "sh", remote]
    try:
        with local.open("wb") as file, host.channel(argv) as channel, host.mapped(f"{remote}: "):
            sent = channel.makefile("rb", _BLOCK)
            wanted = sent.readline().decode(errors="replace").split(" ")[0]
            while block := sent.read(_BLOCK):
                digest.update(block)
                try:
                    file.write(block)
                except OSError as error:
                    raise InfrastructureError(f"{local}: {error.strerror}") from None
            _end(host, channel, remote)
        if digest.hexdigest() != wanted:
            raise InfrastructureError(f"device {host.name}: {remote} arrived changed")
    except BaseException:
        local.unlink(missing_ok=True)
        raise


def _end(host: Host, channel: Any, remote: str) -> None:
    """Waits for the command to end; raises InfrastructureError with its words if it failed."""
    words = channel.makefile_stderr("rb").read().decode(errors="replace")
    channel.status_event.wait(COMMAND_WITHIN_S)
    if channel.exit_status:
        host.probe()
        words = ours(words).strip()
        if not words and channel.exit_status == 1:
            words = "arrived changed"  # what `test` says by its status alone
        words = words or f"exit status {channel.exit_status}"
        raise InfrastructureError(f"device {host.name}: {remote}: {words}")
