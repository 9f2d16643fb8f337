"""Files to a device, by content: each is sent once, and only whole ones carry a final name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.connection import COMMAND_WITHIN_S, Host
from edgebnn.farm.inventory import Device
from edgebnn.record import file_sha256
from edgebnn.trainer.build import PROGRAMS

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


def programs(binaries: Path, device: Device) -> list[Path]:
    """The trainer and the measuring program for a device; raises ConfigError if they are not built."""
    found = [binaries / device.target / program for program in PROGRAMS]
    for program in found:
        if not program.is_file():
            raise ConfigError(
                f"{program}: no such file; build it with: edgebnn build {device.target}"
            )
    return found


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
        if host.try_run(
            ["sh", "-c", _HAS, "sh", paths[file], digest], within_s=_limit(file)
        ).status:
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
    accept = ["sh", "-c", _ACCEPT, "sh", part, digest, final]
    if host.try_run(accept, within_s=_limit(file)).status:
        host.try_run(["rm", "-f", part])
        raise InfrastructureError(
            f"device {host.name}: {file} arrived changed or cannot be stored; {_free(host)}"
        )


def _limit(file: Path) -> float:
    """Seconds that a device may take to read a file: slow cards read 1 MB in a second."""
    return COMMAND_WITHIN_S + file.stat().st_size / 1e6


def _free(host: Host) -> str:
    done = host.try_run(["df", "-Pk", "edgebnn"])
    fields = done.stdout.splitlines()[-1].split() if done.status == 0 else []
    return f"free disk there: {int(fields[3]) // 1024} MiB" if len(fields) > 3 else "df failed too"
