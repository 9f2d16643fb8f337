"""The proxy hands on what it is given, and cuts, resets and stalls at the byte that it is told."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import PassingError
from edgebnn.farm import connection, transport
from edgebnn.farm.address import Address
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.transfer import get, put
from tests.farm.proxy import Fault, Proxy, proxy


@contextmanager
def echo() -> Iterator[tuple[int, list[int]]]:
    """A server that sends back what it gets; its port, and how many bytes each connection brought."""
    got: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(one: socket.socket, number: int) -> None:
            with one:
                try:
                    while data := one.recv(65536):
                        got[number] += len(data)
                        one.sendall(data)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                got.append(0)
                threading.Thread(target=serve, args=(one, len(got) - 1), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], got
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def through(port: int, data: bytes) -> bytes:
    """What comes back of some bytes, until the connection ends."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.settimeout(60)
        back = b""
        try:
            one.sendall(data)
            one.shutdown(socket.SHUT_WR)
            while block := one.recv(65536):
                back += block
        except OSError:
            pass
        return back


def test_without_a_fault_all_comes_through() -> None:
    data = bytes(range(256)) * 4000
    with echo() as (port, _), proxy(port) as before:
        with socket.create_connection(("127.0.0.1", before.port)) as one:
            thread = threading.Thread(target=one.sendall, args=(data,))
            thread.start()
            back = b""
            while len(back) < len(data):
                back += one.recv(65536)
            thread.join()
        assert back == data
        assert before.fired == []


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_fault_comes_at_its_byte_and_once(kind: Any) -> None:
    faults = [Fault(kind, "up", 1000), Fault(kind, "down", 70)]
    with (
        echo() as (port, got),
        proxy(port, lambda number: faults[number] if number < 2 else None) as before,
    ):
        assert len(through(before.port, bytes(5000))) <= 1000
        while got != [1000]:  # it may not have looked yet
            time.sleep(0.01)
        assert len(through(before.port, bytes(5000))) <= 70
        assert before.fired == faults


def slow_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No longer: what a silent host is waited for."""
    for module, name in (
        (transport, "KEEPALIVE_S"),
        (transport, "DROP_AFTER_S"),
        (transport, "ANSWER_WITHIN_S"),
        (connection, "ANSWER_WITHIN_S"),
        (connection, "COMMAND_WITHIN_S"),
    ):
        monkeypatch.setattr(module, name, 0.5)


def through_it(address: Address, before: Proxy, tmp_path: Path) -> Address:
    """The way to a device through a proxy."""
    known_hosts = tmp_path / "known_hosts"
    pinned = address.known_hosts.read_text()
    known_hosts.write_text(pinned.replace(f":{address.port} ", f":{before.port} "))
    return replace(address, port=before.port, known_hosts=known_hosts)


def runs(host: Host, tmp_path: Path) -> None:
    host.run(["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; sleep 1"])


def uploads(host: Host, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    put(host, tmp_path / "large", "large", hashlib.sha256(bytes(3_000_000)).hexdigest())


def downloads(host: Host, tmp_path: Path) -> None:
    host.run(["sh", "-c", "head -c 3000000 /dev/zero >there"])
    get(host, "there", tmp_path / "here")


@pytest.mark.parametrize("kind", ["cut", "reset", "stall"])
@pytest.mark.parametrize(("does", "way"), [(runs, "down"), (uploads, "up"), (downloads, "down")])
def test_what_is_cut_off_passes_and_leaves_nothing_half(  # noqa: PLR0917 - fixtures
    kind: Any,
    does: Callable[[Host, Path], None],
    way: Any,
    address: Address,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow_to_give_up(monkeypatch)
    with proxy(address.port, lambda number: Fault(kind, way, 1_000_000)) as before:
        behind = through_it(address, before, tmp_path)
        with pytest.raises(PassingError), connect("one", behind) as host:
            does(host, tmp_path)
        assert before.fired == [Fault(kind, way, 1_000_000)]
    assert not (tmp_path / "here").exists()
    assert not (home / "large").exists()


def test_a_keepalive_that_cannot_be_sent_ends_the_connection(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes that would tell the reader; the first limit that counts is far off."""
    with (
        proxy(address.port, lambda number: Fault("stall", "down", 1_000_000)) as before,
        pytest.raises(PassingError, match="device one: the connection dropped"),
        connect("one", through_it(address, before, tmp_path)) as host,
        ExitStack() as asking,
    ):
        link = host._connection.transport
        monkeypatch.setattr(transport, "KEEPALIVE_S", 0.01)

        def break_off() -> None:
            if before.fired and link.is_active():
                with suppress(OSError):
                    link.sock.shutdown(socket.SHUT_WR)
                asking.enter_context(transport._kept_alive(link))

        host.run(
            ["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; sleep 100"],
            within_s=None,
            meanwhile=break_off,
        )
