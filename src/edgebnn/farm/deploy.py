"""Files to a device, by content: each is sent once, and only whole ones carry a final name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.connection import Host
from edgebnn.farm.inventory import Device
from edgebnn.farm.transfer import put, reading_limit
from edgebnn.record import file_sha256
from edgebnn.trainer.build import PROGRAMS

STORE, SEEN = "edgebnn/store", "edgebnn/seen"

# $1..: the digests that are asked for; those that are stored are printed. What was read and found whole is
# noted with the start of the system and the file's size, number and times: it is not read again until one of
# them changes.
_HAVE = f"""
mkdir -p {STORE} {SEEN} && rm -f {STORE}/*.part || exit
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
for digest in "$@"; do
  state=$(stat -c '%s %i %y %z' {STORE}/$digest 2>/dev/null)
  note=$(cat {SEEN}/$digest 2>/dev/null)
  if test -n "$boot" && test -n "$state" && test "$note" = "$boot $state"; then
    echo "$digest"
  elif test "$(sha256sum <{STORE}/$digest 2>/dev/null)" = "$digest  -"; then
    echo "$digest"
    echo "$boot $state" 2>/dev/null >{SEEN}/$digest
  fi
done
:
"""


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

    A stored file is read and compared before it is trusted, once for each start of the device's system: a
    power cut may have cut it short.

    Raises:
        InfrastructureError: a file cannot be stored (a full disk, say) or arrives changed; nothing of
            it is left.
    """
    digests = {file: file_sha256(file) for file in files}
    limit = sum(map(reading_limit, files))
    have = host.run(["sh", "-c", _HAVE, "sh", *digests.values()], within_s=limit).stdout.split()
    lacking = tuple(file for file, digest in digests.items() if digest not in have)
    for file in lacking:
        try:
            put(host, file, f"{STORE}/{digests[file]}", digests[file])
        except InfrastructureError as error:
            raise type(error)(f"{error}; {file} was not stored; {_free(host)}") from error
    return Deployed({file: f"{STORE}/{digest}" for file, digest in digests.items()}, lacking)


def _free(host: Host) -> str:
    done = host.try_run(["df", "-Pk", "edgebnn"])
    fields = done.stdout.splitlines()[-1].split() if done.status == 0 else []
    return f"free disk there: {int(fields[3]) // 1024} MiB" if len(fields) > 3 else "df failed too"
