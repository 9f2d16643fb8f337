"""The lease: one holder, whoever it is, and never one that is dead."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.lease import lease
from edgebnn.farm.virtual import virtual_host

HOLDER = """
import sys
from pathlib import Path
from edgebnn.farm.connection import connect
from edgebnn.farm.lease import lease
from edgebnn.farm.virtual import virtual_host
with virtual_host("one", 0, Path(sys.argv[1]), "farm.yaml") as address:
    with connect("one", address) as host, lease(host) as held:
        print(held, flush=True)
        sys.stdin.read()
"""


def test_two_connections_exclude_each_other(host: Host) -> None:
    with lease(host) as first:
        assert first
        with lease(host) as second:
            assert not second
        with lease(host) as third:
            assert not third
    with lease(host) as again:
        assert again


@pytest.mark.parametrize("ending", ["ends", "is killed"])
def test_two_controllers_exclude_each_other(host: Host, home: Path, ending: str) -> None:
    """Each has a server of its own before the same device, as two jobs of a workflow do."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    with lease(host) as held:
        assert not held
    if ending == "is killed":
        other.kill()
    other.communicate()
    for _ in range(2400):  # its server notices by itself
        with lease(host) as held:
            if held:
                return
        time.sleep(0.05)
    pytest.fail("the lease outlived its holder")


def test_without_flock_there_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir"):
        (programs / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(programs))
    with (
        virtual_host("one", 0, tmp_path / "one", "farm.yaml") as address,
        connect("one", address) as host,
        pytest.raises(InfrastructureError, match="device one: has no program flock"),
        lease(host),
    ):
        pass


def test_a_lease_that_cannot_be_written_is_no_busy_device(host: Host, home: Path) -> None:
    (home / "edgebnn").write_text("a file where a folder should be")
    with pytest.raises(InfrastructureError, match="edgebnn"), lease(host):
        pass
