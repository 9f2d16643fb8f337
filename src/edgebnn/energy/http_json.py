"""JSON by HTTP from a small device in the local network: bounded in time and size, no redirects."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import suppress
from typing import Any

ANSWER_WITHIN_S = 3.0
"""For a connection, and for all of an answer."""
_LARGEST = 1 << 16
"""Bytes of an answer; the longest that a plug gives are about 5 KiB."""


class NoAnswer(Exception):
    """A question that got no answer, or none that makes sense; the message says why."""


class Refused(NoAnswer):
    """An answer with an HTTP status other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Asks one device, a connection a question. One question at a time; `close`, by another thread, ends it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closed = False

    def get(self, path: str) -> Any:
        """The JSON at a path.

        Raises:
            Refused: the status is not 200.
            NoAnswer: no answer came in time, or it is no JSON.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_WITHIN_S)
        ends = time.monotonic() + ANSWER_WITHIN_S
        cut = threading.Timer(ANSWER_WITHIN_S, self._cut)
        cut.start()
        try:
            connection.connect()
            self._hold(connection.sock)
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read(_LARGEST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"GET {path}: {_late(ends) or _why(error)}") from None
        finally:
            cut.cancel()
            self._hold(None)
            connection.close()
        if late := _late(ends):
            raise NoAnswer(f"GET {path}: {late}")
        if response.status != 200:
            raise Refused(response.status, f"GET {path}: {_status(response, body)}")
        return _parsed(path, body)

    def close(self) -> None:
        """Ends the question that is being asked, and all later ones."""
        with self._lock:
            self._closed = True
        self._cut()

    def _hold(self, connected: socket.socket | None) -> None:
        with self._lock:
            if connected is not None and self._closed:
                raise OSError("closed")
            self._socket = connected

    def _cut(self) -> None:
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):  # the other side was faster
                    self._socket.shutdown(socket.SHUT_RDWR)


def _late(ends_s: float) -> str:
    return f"no answer within {ANSWER_WITHIN_S:g} s" if time.monotonic() >= ends_s else ""


def _why(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        return f"no HTTP answer ({type(error).__name__})"
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error)


def _status(response: http.client.HTTPResponse, body: bytes) -> str:
    if 300 <= response.status < 400:
        return f"HTTP {response.status}, a redirect, which is not followed"
    said = " ".join(body[:200].decode("utf-8", "replace").split())
    return f"HTTP {response.status} {response.reason}" + (f": {said}" if said else "")


def _parsed(path: str, body: bytes) -> Any:
    if len(body) > _LARGEST:
        raise NoAnswer(f"GET {path}: an answer of more than {_LARGEST} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        begin = " ".join(body[:60].decode("utf-8", "replace").split())
        raise NoAnswer(f"GET {path}: no JSON: '{begin}'") from None
