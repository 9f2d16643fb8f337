"""Boards for tests: SSH servers of either kind on loopback, each with a home of its own, and what befalls them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebnn.farm.inventory import Inventory, load_inventory
from edgebnn.farm.virtual import virtual_host
from tests.farm.sshd import needs_sshd, serve

KINDS = ["built-in", pytest.param("openssh", marks=[needs_sshd, pytest.mark.slow])]
"""Of servers. What differs between them is seldom what a test is about: one of them is quick, the other thorough."""


@dataclass(frozen=True)
class Board:
    """One of them."""

    home: Path
    entry: dict[str, Any]
    """Of the inventory."""
    pinned: str
    """Its line of known_hosts."""

    def processes(self) -> list[int]:
        """All that work in its home."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                process = int(entry.name)
                where = (entry / "cwd").resolve()
                if where == self.home or self.home in where.parents:
                    found.append(process)
        return found

    def freeze(self) -> None:
        """Its trainers stand still, until `thaw`: so that what a test does comes before their end."""
        self._signal_trainers(signal.SIGSTOP)

    def thaw(self) -> None:
        """They go on."""
        self._signal_trainers(signal.SIGCONT)

    def _signal_trainers(self, number: signal.Signals) -> None:
        for process in self.processes():
            with suppress(OSError):
                if b"./edgebnn-train" in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, number)

    def reboot(self) -> None:
        """Nothing of what ran goes on."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    @property
    def jobs(self) -> list[Path]:
        """The folders of jobs that it has."""
        return sorted((self.home / "edgebnn" / "jobs").glob("*"))


@contextmanager
def board(kind: str, folder: Path, key: Path) -> Iterator[Board]:
    """A board while the block runs; programs in its `bin`, in HOME, come before the system's.

    Args:
        kind: of server, one of KINDS.
        folder: all of its files.
        key: an own key, for OpenSSH.
    """
    shared = {"host": "127.0.0.1", "board": "bench", "target": "native"}
    if kind == "built-in":
        with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
            patch.setenv("PATH", f"{folder.resolve()}/bin{os.pathsep}{os.environ['PATH']}")
            address = stack.enter_context(virtual_host("board", 0, folder, "farm.yaml"))
            patch.undo()
            entry = {"port": address.port, "user": address.user}
            entry |= {"identity_file": str(address.own_key)}
            yield Board(folder.resolve(), shared | entry, address.known_hosts.read_text())
        return
    with serve(folder, key, login='export PATH="$HOME/bin:$PATH"') as server:
        pinned = f"[127.0.0.1]:{server.port} {server.host_key}"
        entry = server.entry(identity_file=str(key))
        yield Board(server.home.resolve(), shared | entry, pinned)


@contextmanager
def boards(kind: str, folder: Path, key: Path, count: int = 1) -> Iterator[list[Board]]:
    """Some boards."""
    with ExitStack() as stack:
        yield [stack.enter_context(board(kind, folder / f"b{i}", key)) for i in range(count)]


def farm_of(folder: Path, found: list[Board], **more: Any) -> Inventory:
    """The inventory of some boards: b0, b1, ...; `more` are keys of each, `patience_min` the farm's."""
    top = {key: more.pop(key) for key in ("patience_min",) if key in more}
    devices = {f"b{i}": {**one.entry, **more} for i, one in enumerate(found)}
    path = folder / "farm.yaml"
    path.write_text(yaml.safe_dump({**top, "devices": devices}, sort_keys=False))
    (folder / "known_hosts").write_text("".join(f"{one.pinned.strip()}\n" for one in found))
    return load_inventory(path)
