"""A plug's HTTP interface on 127.0.0.1, whose answers a test gives."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handle = Callable[[BaseHTTPRequestHandler], None]
Answer = object | Handle
"""What is sent as JSON, or a function that does what it likes with the connection."""


class PlugServer:
    """Answers a path by its value; by a list's values one after the other, the last one for ever."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self._came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_port}"

    def wait_for(self, path: str, times: int) -> None:
        """Until a path was asked so often."""
        with self._came:
            self._came.wait_for(lambda: self.asked.count(path) >= times)

    def run(self) -> None:
        self._server.serve_forever(poll_interval=0.01)

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, path: str) -> Any:
        with self._came:
            count = self.asked.count(path)
            self.asked.append(path)
            self._came.notify_all()
        answer = self.answers.get(path, status(404, "Not Found"))
        return answer[min(count, len(answer) - 1)] if isinstance(answer, list) else answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = server._next(self.path)
                if callable(answer):
                    answer(self)
                else:
                    raw(json.dumps(answer))(self)

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        return Handler


@contextmanager
def plug_server(answers: dict[str, Any]) -> Iterator[PlugServer]:
    server = PlugServer(answers)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.end()
        thread.join()


def raw(text: str) -> Handle:
    """A body as it is, with status 200."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return send


def status(code: int, text: str, **headers: str) -> Handle:
    """Another status than 200."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return send


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True
