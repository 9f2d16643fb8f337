"""The way to a host: its socket, the hosts before it, who it is, who we are, and whether it still is there.

Jump hosts are hosts like any: their keys are pinned in the inventory's known_hosts as well.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from edgebnn.errors import InfrastructureError, PassingError
from edgebnn.farm.address import Address

ANSWER_WITHIN_S = 20
"""For a connection, a greeting, a key, a channel."""
KEEPALIVE_S = 15.0
DROP_AFTER_S = 60.0
"""A host that leaves a keepalive unanswered for so long is gone."""


@contextmanager
def open_connection(name: str, address: Address, role: str = "") -> Iterator[Any]:
    """Fabric's connection to a host, open and trusted, while the block runs.

    Args:
        name: the device's, in the inventory.
        role: for messages, if the host is not the device itself.

    Raises:
        InfrastructureError: it cannot be reached, is not the host it should be, or refuses us.
    """
    import paramiko
    from fabric import Config, Connection

    from edgebnn.farm.host_keys import Refusal, read_known_hosts
    from edgebnn.farm.keys import Keys
    from edgebnn.farm.userauth import UserAuthTransport

    place = _place(name, address, role)
    keys = Keys(address)
    with ExitStack() as stack:
        sock = stack.enter_context(_reached(name, address, role))
        connection = Connection(
            address.host,
            user=address.user,
            port=address.port,
            config=Config(lazy=True, overrides={"load_ssh_configs": False}),
            connect_timeout=ANSWER_WITHIN_S,
            forward_agent=False,
            connect_kwargs={
                "sock": sock,
                "transport_factory": UserAuthTransport,
                "auth_strategy": keys,
                "banner_timeout": ANSWER_WITHIN_S,
                "auth_timeout": ANSWER_WITHIN_S,
            },
        )
        client = connection.client
        stack.callback(client.close)
        stack.callback(connection.close)
        known = read_known_hosts(address.known_hosts)
        unpinned = f"its host key is not pinned in {known.path};"
        client.set_missing_host_key_policy(
            Refusal(lambda key: known.refused(place, name, key, unpinned))
        )
        client.get_host_keys().update(known.pinned)
        try:
            connection.open()
        except paramiko.BadHostKeyException as error:
            changed = (
                f"its host key is not the one pinned in {known.path}: another machine, or a new "
                f"system; if you know why,"
            )
            raise known.refused(place, name, error.key, changed) from None
        except paramiko.auth_strategy.AuthFailure as failure:
            raise InfrastructureError(f"{place}: {keys.causes(failure)}") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _silence(place, error) from None
        stack.enter_context(_kept_alive(connection.transport))
        yield connection


def offered_key(name: str, address: Address) -> Any:
    """The host key that a host shows; nothing is sent to it but the greeting.

    Raises:
        InfrastructureError: it cannot be reached, or a host before it cannot be passed.
    """
    import paramiko

    with _reached(name, address) as sock:
        try:
            transport = paramiko.Transport(sock)
            try:
                transport.start_client(timeout=ANSWER_WITHIN_S)
                return transport.get_remote_server_key()
            finally:
                transport.close()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _silence(_place(name, address), error) from None


def _place(name: str, address: Address, role: str = "") -> str:
    return f"device {name}{role} ({address.user}@{address.host}, port {address.port})"


def _silence(place: str, error: Exception, seen_from: str = "") -> InfrastructureError:
    """Why there is no connection to a place: a name or a server of another mind will not pass by itself."""
    from paramiko.ssh_exception import IncompatiblePeer

    if isinstance(error, IncompatiblePeer):
        return InfrastructureError(
            f"{place}: {error}; allow more in its sshd_config (KexAlgorithms, HostKeyAlgorithms, Ciphers)"
        )
    if isinstance(error, socket.gaierror | UnicodeError):
        return InfrastructureError(f"{place}: no such host: its name is not known here{seen_from}")
    reason = getattr(error, "strerror", None) or str(error)
    if "banner" in reason:
        reason = "no SSH server answers there"
    reason = "no answer" if isinstance(error, TimeoutError) or not reason else reason
    return PassingError(f"{place}: {reason}; is it on, and sshd running?{seen_from}")


@contextmanager
def _reached(name: str, address: Address, role: str = "") -> Iterator[Any]:
    """A socket that ends at the host's SSH server, through jump hosts or a proxy if need be."""
    from paramiko import SSHException

    place = _place(name, address, role)
    if address.jump:
        with open_connection(name, address.jump, " by its jump host") as before:
            try:
                yield before.transport.open_channel(
                    "direct-tcpip",
                    (address.host, address.port),
                    ("", 0),
                    timeout=ANSWER_WITHIN_S,
                )
            except SSHException as error:
                raise _silence(place, error, f" (from {address.jump.host})") from None
    elif address.proxy_command:
        with _through(address.proxy_command, place) as sock:
            yield sock
    else:
        try:
            sock = socket.create_connection((address.host, address.port), ANSWER_WITHIN_S)
        except (OSError, UnicodeError) as error:
            raise _silence(place, error) from None
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # many small questions
            yield sock


@contextmanager
def _through(command: str, place: str) -> Iterator[socket.socket]:
    """A socket whose other end is a command's input and output."""
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as words:
        with theirs:
            end = theirs.fileno()
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], stdin=end, stdout=end, stderr=words
            )
        try:
            yield ours
        except InfrastructureError as error:
            words.seek(0)
            said = words.read().decode(errors="replace").split()
            raise type(error)(
                f"{error}; ProxyCommand says: {' '.join(said)[:200]}" if said else str(error)
            ) from None
        finally:
            process.kill()
            process.wait()


@contextmanager
def _kept_alive(transport: Any) -> Iterator[None]:
    """Asks the host for a sign of life now and then; closes the connection if it cannot, or if none comes."""
    from paramiko import SSHException

    over = threading.Event()

    def ask() -> None:
        while not over.wait(KEEPALIVE_S) and transport.is_active():
            end = threading.Timer(DROP_AFTER_S, transport.close)
            end.daemon = True
            end.start()
            try:
                transport.global_request("keepalive@openssh.com", wait=True)
            except (OSError, EOFError, SSHException):
                transport.close()
            finally:
                end.cancel()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
