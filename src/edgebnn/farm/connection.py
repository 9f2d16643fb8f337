"""A connection to a device: commands, files, and held commands. Only this file knows Fabric.

Trust is ours alone: one known_hosts file, no system host keys, unknown and changed keys refused. Keys
or agent, never a password. Remote arguments are always quoted; remote paths are relative to HOME.
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.errors import EdgebnnError, InfrastructureError
from edgebnn.farm.address import Address
from edgebnn.farm.bound import bound

CONNECT_TIMEOUT_S = 20
DROP_AFTER_S = 60
"""A peer that acknowledges nothing for so long is gone."""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    status: int
    stdout: str
    stderr: str


class Host:
    """One connected device."""

    def __init__(self, name: str, connection: Any) -> None:
        self.name = name
        self._connection = connection

    def run(
        self,
        argv: list[str],
        *,
        folder: str = ".",
        on_line: Callable[[str], None] | None = None,
        failure: type[EdgebnnError] = InfrastructureError,
    ) -> Done:
        """Runs a command to its end; it dies with the connection.

        Args:
            argv: the program and its arguments, as they shall arrive.
            folder: remote working directory.
            on_line: told each line of standard output as it comes.
            failure: the error that a non-zero exit status is.

        Raises:
            InfrastructureError: the connection dropped.
            EdgebnnError: the command failed, as `failure`; the message ends with its last lines.
        """
        done = self.try_run(bound(argv), folder=folder, on_line=on_line)
        if done.status:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-10:]
            how = f"was killed by signal {done.status - 128}" if done.status > 128 else "failed"
            raise failure(
                f"device {self.name}: {Path(argv[0]).name} {how} (exit status {done.status})"
                + "".join(f"\n  {line}" for line in last)
            )
        return done

    def try_run(
        self,
        argv: list[str],
        *,
        folder: str = ".",
        on_line: Callable[[str], None] | None = None,
    ) -> Done:
        """The same with any exit status; raises InfrastructureError if the connection dropped."""
        from invoke.exceptions import ThreadException

        command = f"cd {shlex.quote(folder)} && exec {shlex.join(argv)}"
        lines = _Lines(on_line or (lambda line: None))
        with self._mapped():
            try:
                result = self._finish(
                    self._connection.run(
                        command,
                        asynchronous=True,
                        out_stream=lines,
                        hide="err",
                        warn=True,
                        encoding="utf-8",
                    )
                )
            except ThreadException as error:
                first = error.exceptions[0].value
                raise first if isinstance(first, Exception) else error from None
        if result.exited < 0:
            self._probe()
            raise InfrastructureError(f"device {self.name}: {argv[0]} was killed by a signal")
        return Done(result.exited, result.stdout, result.stderr)

    @staticmethod
    def _finish(promise: Any) -> Any:
        """The result of a command that was started; Ctrl-C ends it at once.

        Fabric's own wait does not: it joins threads that read until the command ends by itself.
        """
        channel = promise.runner.channel
        try:
            while not (channel.status_event.wait(0.2) or promise.runner.has_dead_threads):
                pass
            return promise.join()
        except BaseException:
            channel.close()
            raise

    @contextmanager
    def hold(self, argv: list[str]) -> Iterator[str]:
        """Runs a command beside others while the block runs; it sees its input end with the block.

        Yields:
            Its first line of output, or an empty string if it ended without one.
        """
        with self._mapped():
            channel = self._connection.transport.open_session(timeout=CONNECT_TIMEOUT_S)
        try:
            with self._mapped():
                channel.exec_command(shlex.join(argv))
                first = channel.makefile("rb").readline().decode(errors="replace").strip()
            yield first
        finally:
            with suppress(Exception):
                channel.shutdown_write()
                channel.status_event.wait(CONNECT_TIMEOUT_S)
            channel.close()

    def put(self, local: Path, remote: str) -> None:
        """Sends a file to a path under the device's HOME."""
        with self._mapped(f"{remote}: "):
            self._connection.put(str(local), remote, preserve_mode=False)

    def get(self, remote: str, local: Path) -> None:
        """Fetches a file from a path under the device's HOME; nothing is left of one that fails."""
        try:
            with self._mapped(f"{remote}: "):
                self._connection.get(remote, str(local), preserve_mode=False)
        except InfrastructureError:
            local.unlink(missing_ok=True)
            raise

    def _probe(self) -> None:
        """Raises InfrastructureError if the connection is gone."""
        try:
            self._connection.transport.open_session(timeout=CONNECT_TIMEOUT_S).close()
        except Exception:
            raise InfrastructureError(f"device {self.name}: the connection dropped") from None

    @contextmanager
    def _mapped(self, what: str = "") -> Iterator[None]:
        """Errors of the libraries as ours."""
        from paramiko import SSHException

        try:
            yield
        except (OSError, EOFError, SSHException) as error:
            self._probe()
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InfrastructureError(f"device {self.name}: {what}{reason}") from error


@contextmanager
def connect(name: str, address: Address) -> Iterator[Host]:
    """A connection to a device while the block runs.

    Args:
        name: the device's name in the inventory, for messages.

    Raises:
        InfrastructureError: it cannot be reached, is not the host it should be, or refuses us.
    """
    import paramiko
    from fabric import Config, Connection

    connection = Connection(
        address.host,
        user=address.user,
        port=address.port,
        config=Config(lazy=True, overrides={"load_ssh_configs": False}),
        connect_timeout=CONNECT_TIMEOUT_S,
        forward_agent=False,
        connect_kwargs={
            "key_filename": str(address.identity_file) if address.identity_file else None,
            "look_for_keys": address.identity_file is None,
            "allow_agent": not address.only_this_key,
            "banner_timeout": CONNECT_TIMEOUT_S,
            "auth_timeout": CONNECT_TIMEOUT_S,
        },
    )
    client = connection.client
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    place = f"device {name} ({address.user}@{address.host}, port {address.port})"
    try:
        if address.known_hosts.exists():
            client.load_host_keys(str(address.known_hosts))
        known = address.key_name in client.get_host_keys()
        try:
            connection.open()
        except paramiko.BadHostKeyException:
            raise InfrastructureError(
                f"{place}: its host key is not the one pinned in {address.known_hosts}: another "
                f"machine, or a new system; if you know why, run: edgebnn farm enroll {name}"
            ) from None
        except paramiko.AuthenticationException as error:
            raise InfrastructureError(
                f"{place}: refused our key ({error}); give the account your public key: "
                f"ssh-copy-id -p {address.port} {address.user}@{address.host}"
            ) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            if not known and "known_hosts" in str(error):
                raise InfrastructureError(
                    f"{place}: its host key is not pinned in {address.known_hosts}; "
                    f"run: edgebnn farm enroll {name}"
                ) from None
            reason = "no answer" if isinstance(error, TimeoutError) else str(error) or "no answer"
            raise InfrastructureError(f"{place}: {reason}; is it on, and sshd running?") from None
        connection.transport.set_keepalive(15)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = DROP_AFTER_S * 1000
            connection.transport.sock.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds
            )
        yield Host(name, connection)
    finally:
        connection.close()
        client.close()


class _Lines:
    """A text stream that hands on whole lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = ""

    def write(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._on_line(line)

    def flush(self) -> None:
        """Nothing is held back but an unfinished line."""
