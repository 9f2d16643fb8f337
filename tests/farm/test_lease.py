"""The lease: one holder, whoever it is, and never one that is dead."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.lease import Lease, lease
from edgebnn.farm.virtual import virtual_host

HOLDER = """
import sys
from pathlib import Path
from edgebnn.farm.connection import connect
from edgebnn.farm.lease import Lease, lease
from edgebnn.farm.virtual import virtual_host
with virtual_host("one", 0, Path(sys.argv[1]), "farm.yaml") as address:
    with connect("one", address) as host, lease(host, "run 7") as taken:
        print(taken.ours, flush=True)
        sys.stdin.read()
"""


def test_two_connections_exclude_each_other(host: Host) -> None:
    with lease(host, "first") as first:
        assert first.ours
        with lease(host, "second") as second:
            assert not second.ours
        with lease(host, "third") as third:
            assert not third.ours
            assert third.holder.startswith("first, ")
    with lease(host, "again") as again:
        assert again.ours


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
    with lease(host, "mine") as taken:
        assert re.fullmatch(r"run 7, .+@.+, for \d+ s", taken.holder)
    if ending == "is killed":
        other.kill()
    other.communicate()
    for _ in range(2400):  # its server notices by itself
        with lease(host, "mine") as taken:
            if taken.ours:
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
        lease(host, "mine"),
    ):
        pass


def test_a_lease_that_cannot_be_written_is_no_busy_device(host: Host, home: Path) -> None:
    (home / "edgebnn").write_text("a file where a folder should be")
    with pytest.raises(InfrastructureError, match="edgebnn"), lease(host, "mine"):
        pass


@pytest.mark.parametrize(
    ("ago", "words", "holder"),
    [
        (90, "run 1, me@laptop", r"run 1, me@laptop, for (9\d|1[01]\d) s"),
        (7100, "me", "me, for 118 min"),
        (172000, "me", "me, for 47 h"),
        (864000, "me", "me, for 10 days"),
        (-86400, "me", "me, for 0 s"),
        (60, "me\x1b]0;owned\x07 \x9b$(reboot)", r"me \?\$\(reboot\), for .*"),
        (60, "", "someone who has not said who"),
        (60, "a" * 5000, "a{200,300}, for .*"),
    ],
)
def test_the_holders_words_are_shown_safely(
    ago: int, words: str, holder: str, host: Host, home: Path
) -> None:
    with lease(host, "first"):
        (home / "edgebnn" / "lease").write_text(f"{int(time.time()) - ago} {words}\nmore\n")
        with lease(host, "second") as second:
            assert re.fullmatch(holder, second.holder)


def test_a_lease_without_words_is_a_lease(host: Host, home: Path) -> None:
    with lease(host, "first"):
        (home / "edgebnn" / "lease").write_bytes(b"")
        with lease(host, "second") as second:
            assert second == Lease(ours=False, holder="someone who has not said who")
