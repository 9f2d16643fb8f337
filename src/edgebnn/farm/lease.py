"""The lease: one job at a time on a device, whoever asks from wherever.

An flock on a file of the device, held through the SSH session of whoever works there: it ends with the
block, with the controller's process and with the connection, and so never outlives its holder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host

_HOLD = """
exec 3>&1
why=$(mkdir -p edgebnn 2>&1) || { echo "$why" | tail -n 1; exit; }
command -v flock >/dev/null || { echo "has no program flock; install util-linux there"; exit; }
why=$(flock -n edgebnn/lease sh -c 'echo held >&3; exec cat >/dev/null 3>&-' 2>&1)
case $? in
  0) ;;
  1) echo busy ;;
  *) echo "$why" | tail -n 1 ;;
esac
"""


@contextmanager
def lease(host: Host) -> Iterator[bool]:
    """Takes the device while the block runs.

    Yields:
        False if another holds it; then nothing is held.

    Raises:
        InfrastructureError: the device has no `flock`, or no room for the file.
    """
    with host.hold(["sh", "-c", _HOLD]) as answer:
        if answer not in ("held", "busy"):
            raise InfrastructureError(f"device {host.name}: {answer or 'cannot be leased'}")
        yield answer == "held"
