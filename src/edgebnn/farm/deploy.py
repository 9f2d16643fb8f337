"""Files to a device, by content: each is sent once, and only whole ones carry a final name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host
from edgebnn.record import file_sha256

STORE = "edgebnn/store"

_HAS = 'test "$(sha256sum <"$1" 2>/dev/null)" = "$2  -"'
_ACCEPT = f'({_HAS}) || exit 1; chmod 755 "$1" && mv "$1" "$3"'


@dataclass(frozen=True)
class Deployed:
    """Where local files are on the device."""

    paths: dict[Path, str]
    """Local path -> path relative to the device's HOME."""
    sent: tuple[Path, ...]
    """Those that were not there yet."""


def deploy(host: Host, files: list[Path]) -> Deployed:
    """Brings files to `edgebnn/store/<sha256>`; call it under the lease.

    A stored file is read and compared before it is trusted: a power cut may have cut it short.

    Raises:
        InfrastructureError: a file cannot be stored (a full disk, say) or arrives changed; nothing of
            it is left.
    """
    host.run(["sh", "-c", f"mkdir -p {STORE} && rm -f {STORE}/*.part"])
    paths: dict[Path, str] = {}
    sent = []
    for file in files:
        digest = file_sha256(file)
        paths[file] = f"{STORE}/{digest}"
        if host.try_run(["sh", "-c", _HAS, "sh", paths[file], digest]).status:
            _send(host, file, paths[file], digest)
            sent.append(file)
    return Deployed(paths, tuple(sent))


def _send(host: Host, file: Path, final: str, digest: str) -> None:
    part = f"{final}.part"
    try:
        host.put(file, part)
    except InfrastructureError as error:
        host.try_run(["rm", "-f", part])
        raise InfrastructureError(f"{error}; {file} was not stored; {_free(host)}") from error
    if host.try_run(["sh", "-c", _ACCEPT, "sh", part, digest, final]).status:
        host.try_run(["rm", "-f", part])
        raise InfrastructureError(
            f"device {host.name}: {file} arrived changed or cannot be stored; {_free(host)}"
        )


def _free(host: Host) -> str:
    done = host.try_run(["df", "-Pk", "edgebnn"])
    fields = done.stdout.splitlines()[-1].split() if done.status == 0 else []
    return f"free disk there: {int(fields[3]) // 1024} MiB" if len(fields) > 3 else "df failed too"
