"""Deployment by content: once, whole, and nothing left of what failed."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.deploy import SEEN, STORE, deploy
from edgebnn.farm.virtual import virtual_host
from edgebnn.record import file_sha256


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a program"
    path.write_bytes(bytes(range(256)) * 2000)
    return path


def stored(home: Path) -> list[Path]:
    return sorted((home / STORE).iterdir())


def test_a_file_is_sent_once(host: Host, home: Path, file: Path, tmp_path: Path) -> None:
    first = deploy(host, [file])
    assert first.sent == (file,)
    (copy,) = stored(home)
    assert first.paths == {file: f"{STORE}/{file_sha256(file)}"}
    assert copy == home / first.paths[file]
    assert copy.read_bytes() == file.read_bytes()
    assert copy.stat().st_mode & 0o111
    before = copy.stat()

    again = deploy(host, [file])
    assert again.sent == ()
    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    changed = tmp_path / "changed"
    changed.write_bytes(file.read_bytes() + b"x")
    assert deploy(host, [file, changed]).sent == (changed,)
    assert len(stored(home)) == 2


def test_a_damaged_copy_is_replaced(host: Host, home: Path, file: Path) -> None:
    deploy(host, [file])
    (copy,) = stored(home)
    copy.write_bytes(copy.read_bytes()[:1000])
    (home / STORE / "old.part").touch()
    assert deploy(host, [file]).sent == (file,)
    assert stored(home) == [copy]
    assert copy.read_bytes() == file.read_bytes()


def test_a_file_is_read_once_until_it_changes(host: Host, home: Path, file: Path) -> None:
    deploy(host, [file])
    (copy,) = stored(home)
    note = home / SEEN / copy.name
    assert not note.exists()
    assert deploy(host, [file]).sent == ()
    before = note.read_text()
    copy.write_bytes(bytes(len(copy.read_bytes())))
    assert deploy(host, [file]).sent == (file,), "its times have changed"

    assert deploy(host, [file]).sent == ()
    boot = before.split()[0]
    copy.write_bytes(b"damaged")
    command = ["stat", "-c", "%s %i %y %z", str(copy)]
    state = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    note.write_text(f"{boot} {state}")
    assert deploy(host, [file]).sent == (), "noted as whole: not read"
    note.write_text(f"another-{boot} {state}")
    assert deploy(host, [file]).sent == (file,), "a note of an earlier start says nothing"


def test_a_full_disk_leaves_nothing(tmp_path: Path, file: Path) -> None:
    """A server that may write no file above 64 KiB: its writes fail as on a full disk."""
    home = tmp_path / "small"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    server = virtual_host("one", 0, home, "farm.yaml")
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
    try:
        address = server.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    try:
        with connect("one", address) as host:
            with pytest.raises(InfrastructureError, match=r"a program was not stored; free disk"):
                deploy(host, [file])
            assert stored(home) == []
    finally:
        server.__exit__(None, None, None)
