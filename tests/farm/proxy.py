"""A TCP proxy on loopback before a server, which cuts and stalls connections at counted bytes."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Way = Literal["up", "down"]
"""To the server, or from it."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST, as a router that has forgotten the connection does."""


@dataclass(frozen=True)
class Fault:
    """What befalls a connection: exactly `after` bytes of one way are handed on before it."""

    kind: Literal["cut", "reset", "stall"]
    way: Way
    after: int


@dataclass
class Proxy:
    """A running one."""

    port: int
    server: int
    """The port on 127.0.0.1 that connections go to from now on; 0: nobody is there."""
    choose: Callable[[int], Fault | None]
    """The fault of a connection, by its number."""
    fired: list[Fault] = field(default_factory=list)
    turned: int = 0
    """Connections that did not go to the first server."""
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut_all(self) -> None:
        """Cuts every connection that is open."""
        with self._lock:
            for one in self._open:
                _shut(one, socket.SHUT_RDWR)

    def carry(self, number: int, client: socket.socket, server: socket.socket) -> None:
        """Hands on what comes, both ways, until both ends are closed or a fault ends it."""
        fault = self.choose(number)
        stalled = threading.Event()
        with self._lock:
            self._open += [client, server]

        def pump(way: Way, source: socket.socket, sink: socket.socket) -> None:
            left = fault.after if fault and fault.way == way else None
            while data := _received(source):
                if stalled.is_set():
                    continue  # nothing comes on, either way
                if fault and left is not None and left <= len(data):
                    _sent(sink, data[:left])
                    self.fired.append(fault)
                    if fault.kind == "stall":
                        stalled.set()
                        continue
                    for one in (source, sink):
                        if fault.kind == "reset":
                            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                        _shut(one, socket.SHUT_RDWR)
                    return
                if left is not None:
                    left -= len(data)
                if not _sent(sink, data):
                    break
            if not stalled.is_set():  # else a client that gives up is not passed on
                _shut(sink, socket.SHUT_WR)

        other = threading.Thread(target=pump, args=("down", server, client), daemon=True)
        other.start()
        pump("up", client, server)
        other.join()  # of a stalled connection: until the server gives it up, or the proxy ends
        with self._lock:
            for one in (client, server):
                self._open.remove(one)
                one.close()


def _received(source: socket.socket) -> bytes:
    """Some bytes; none at the end, of whatever kind."""
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _sent(sink: socket.socket, data: bytes) -> bool:
    try:
        sink.sendall(data)
    except OSError:
        return False
    return True


def _shut(one: socket.socket, how: int) -> None:
    with suppress(OSError):
        one.shutdown(how)


@contextmanager
def proxy(
    server: int, choose: Callable[[int], Fault | None] = lambda number: None
) -> Iterator[Proxy]:
    """A proxy while the block runs.

    Args:
        server: the port on 127.0.0.1 before which it stands.
        choose: told the number of each connection, gives what shall befall it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = Proxy(listening.getsockname()[1], server, choose)

        def accept() -> None:
            number = 0
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                running.turned += running.server != server
                try:
                    if not running.server:
                        raise ConnectionRefusedError
                    behind = socket.create_connection(("127.0.0.1", running.server))
                except OSError:
                    client.close()
                    continue
                for one in (client, behind):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=running.carry, args=(number, client, behind), daemon=True
                ).start()
                number += 1

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            _shut(listening, socket.SHUT_RDWR)
            thread.join()
            running.cut_all()
