"""paramiko's modern user authentication, without its races.

paramiko's ServiceRequestingTransport asks for the service once and then offers keys, as OpenSSH's
client does (servers written in Go or with asyncssh refuse to be asked again for each key). In 5.1 it
waits for ever if the server goes away before it is granted, loses an answer that is quicker than its
own next line, and cannot offer "none". Here these three are mended, and nothing else is changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from paramiko import ServiceRequestingTransport, SSHException
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import cMSG_SERVICE_REQUEST, cMSG_USERAUTH_REQUEST
from paramiko.message import Message

_LOOK_EVERY_S = 0.01


class UserAuthTransport(ServiceRequestingTransport):  # type: ignore[misc] # paramiko has no types
    """A transport that can be asked for many keys."""

    def ensure_session(self) -> None:
        """Asks for the service if it was not granted yet; raises SSHException if it is not."""
        if not (self.active and self.initial_kex_done):
            raise SSHException("No existing session")
        if self._service_userauth_accepted:
            return
        message = Message()
        message.add_byte(cMSG_SERVICE_REQUEST)
        message.add_string("ssh-userauth")
        self._send_message(message)
        end = time.monotonic() + self.auth_timeout
        while not self._service_userauth_accepted:
            if not self.is_active() or time.monotonic() > end:
                raise SSHException("ended before we could show a key")
            time.sleep(_LOOK_EVERY_S)
        self.auth_handler = self.get_auth_handler()

    def get_auth_handler(self) -> Any:
        """Ours."""
        return _Handler(self)


class _Handler(AuthOnlyHandler):  # type: ignore[misc]
    def send_auth_request(
        self,
        username: str,
        method: str,
        finish_message: Callable[[Message], object] = lambda message: None,
    ) -> Any:
        """Offers one way in and waits for the answer; the event is there before the question."""
        self.auth_method, self.username = method, username
        message = Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        for word in (username, "ssh-connection", method):
            message.add_string(word)
        finish_message(message)
        self.auth_event = threading.Event()
        with self.transport.lock:
            self.transport._send_message(message)
        return self.wait_for_response(self.auth_event)
