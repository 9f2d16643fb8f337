"""A connection to a device: commands, held commands, and bare channels. Only this file runs Fabric's.

Trust is ours alone: one known_hosts file, no system host keys, unknown and changed keys refused. Keys
or agent, never a password. Remote arguments are always quoted; remote paths are relative to HOME. What a command says is made fit for
a terminal here, before anyone has it.

Nothing is waited for without a limit: an answer, a login script, a command, a byte of a file; a host
that leaves keepalives unanswered is gone. Files: transfer.py.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.errors import EdgebnnError, InfrastructureError, PassingError
from edgebnn.farm.address import Address
from edgebnn.farm.bound import bound
from edgebnn.farm.mark import MARK_LINE, SAY_MARK, Lines, no_command, ours, split_at_mark
from edgebnn.farm.transport import ANSWER_WITHIN_S, open_connection
from edgebnn.printable import printable

BEGINS_WITHIN_S = 30.0
"""For a login script, before a command."""
COMMAND_WITHIN_S = 60.0
_SFTP_BEGIN, _SFTP_VERSION = b"\0\0\0\x05\x01\0\0\0\x03", b"\x02"
"""The first packet of version 3, and the type of its answer."""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    status: int
    stdout: str
    stderr: str


class Held:
    """A command that runs beside others, and is spoken to."""

    def __init__(self, host: Host, channel: Any) -> None:
        self.host = host
        self._channel = channel
        self._said = channel.makefile("rb")
        self.first = self.line()
        """Its first line of output, or an empty string if it ended without one."""

    def line(self) -> str:
        """Its next line, or an empty string at its end; raises InfrastructureError if none comes."""
        with self.host.mapped():
            return printable(self._said.readline().decode(errors="replace").strip())

    def tell(self, word: bytes) -> bool:
        """Sends it some bytes; False if it has ended."""
        try:
            self._channel.sendall(word)
        except OSError:
            return False
        return not self.over

    def ask(self, word: bytes) -> str:
        """Sends it some bytes; its next line, or an empty string if it has ended."""
        return self.line() if self.tell(word) else ""

    @property
    def over(self) -> bool:
        """True if it has ended."""
        return bool(self._channel.closed or self._channel.exit_status_ready())


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
        within_s: float | None = COMMAND_WITHIN_S,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Done:
        """Runs a command to its end; it dies with the connection.

        Args:
            argv: the program and its arguments, as they shall arrive.
            folder: remote working directory.
            on_line: told each line of standard output as it comes.
            failure: the error that a non-zero exit status is.
            within_s: seconds that it may take; None: any time.
            meanwhile: called some times a second while it runs.

        Raises:
            InfrastructureError: the connection dropped, or time is up.
            EdgebnnError: the command failed, as `failure`; the message ends with its last lines.
        """
        done = self.try_run(
            argv, folder=folder, on_line=on_line, within_s=within_s, meanwhile=meanwhile
        )
        if done.status:
            raise failure(self.how_it_failed(Path(argv[0]).name, done))
        return done

    def how_it_failed(self, program: str, done: Done) -> str:
        """What to say of a command that ended with another exit status than 0, with its last lines."""
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-10:]
        how = f"was killed by signal {done.status - 128}" if done.status > 128 else "failed"
        return f"device {self.name}: {program} {how} (exit status {done.status})" + "".join(
            f"\n  {line}" for line in last
        )

    def try_run(
        self,
        argv: list[str],
        *,
        folder: str = ".",
        on_line: Callable[[str], None] | None = None,
        within_s: float | None = COMMAND_WITHIN_S,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Done:
        """The same with any exit status; raises InfrastructureError alone."""
        from invoke.exceptions import ThreadException

        command = f"{SAY_MARK}cd {shlex.quote(f'./{folder}')} && exec {shlex.join(bound(argv))}"
        lines = Lines(on_line or (lambda line: None))
        with self.mapped():
            try:
                promise = self._connection.run(
                    command,
                    asynchronous=True,
                    out_stream=lines,
                    hide="err",
                    warn=True,
                    encoding="utf-8",
                )
                result = self._finish(promise, Path(argv[0]).name, within_s, lines, meanwhile)
            except ThreadException as error:
                first = error.exceptions[0].value
                raise first if isinstance(first, Exception) else error from None
        noise, marked, stdout = split_at_mark(result.stdout)
        if result.exited < 0:
            self.probe()
            raise PassingError(f"device {self.name}: {argv[0]} was killed by a signal")
        if not marked:
            raise no_command(self.name, result.stderr + noise)
        return Done(result.exited, printable(stdout), printable(ours(result.stderr)))

    def _finish(
        self,
        promise: Any,
        program: str,
        within_s: float | None,
        lines: Lines,
        meanwhile: Callable[[], None],
    ) -> Any:
        """The result of a command that was started; Ctrl-C ends it at once.

        Fabric's own wait does not: it joins threads that read until the command ends by itself.
        """
        channel = promise.runner.channel
        begins = time.monotonic() + BEGINS_WITHIN_S
        ends = None if within_s is None else time.monotonic() + within_s
        try:
            while not (channel.status_event.wait(0.2) or promise.runner.has_dead_threads):
                if not lines.marked and time.monotonic() > begins:
                    raise no_command(self.name, lines.noise)
                if ends is not None and time.monotonic() > ends:
                    raise PassingError(
                        f"device {self.name}: {program} did not end within {within_s:g} s"
                    )
                meanwhile()
            return promise.join()
        except BaseException:
            with suppress(Exception):
                channel.close()
            raise

    @contextmanager
    def channel(self, argv: list[str]) -> Iterator[Any]:
        """A command's bare channel while the block runs, its output read up to our mark."""
        with self.mapped():
            channel = self._connection.transport.open_session(timeout=ANSWER_WITHIN_S)
        try:
            with self.mapped():
                channel.settimeout(BEGINS_WITHIN_S)
                channel.exec_command(f"{SAY_MARK}exec {shlex.join(argv)}")
                said = bytearray()
                while not said.endswith(MARK_LINE.encode()):
                    try:
                        byte = channel.recv(1)
                    except TimeoutError:
                        byte = b""
                    if not byte:
                        self.probe()
                        raise no_command(self.name, said.decode(errors="replace"))
                    said += byte
                channel.settimeout(COMMAND_WITHIN_S)
            yield channel
        finally:
            with suppress(Exception):  # of a connection that is gone
                channel.close()

    @contextmanager
    def hold(self, argv: list[str]) -> Iterator[Held]:
        """Runs a command beside others while the block runs; it sees its input end with the block."""
        with self.channel(argv) as channel:
            held = Held(self, channel)
            try:
                yield held
            finally:
                with suppress(Exception):
                    channel.shutdown_write()
                    channel.status_event.wait(ANSWER_WITHIN_S)

    def has_sftp(self) -> bool:
        """Whether the host answers to SFTP.

        Raises:
            InfrastructureError: the connection is gone, or bears no second command.
        """
        from paramiko import SSHException

        with self.mapped():
            channel = self._connection.transport.open_session(timeout=ANSWER_WITHIN_S)
        late = threading.Timer(ANSWER_WITHIN_S, channel.close)
        late.daemon = True
        late.start()
        try:
            channel.invoke_subsystem("sftp")
            channel.sendall(_SFTP_BEGIN)
            return bool(channel.makefile("rb").read(5)[4:] == _SFTP_VERSION)
        except (OSError, EOFError, SSHException):
            self.probe()
            return False
        finally:
            late.cancel()
            channel.close()

    def probe(self) -> None:
        """Raises InfrastructureError if the connection is gone, or bears no second command."""
        from paramiko import ChannelException

        try:
            self._connection.transport.open_session(timeout=ANSWER_WITHIN_S).close()
        except ChannelException as error:
            raise InfrastructureError(
                f"device {self.name}: takes no more commands beside others ({error}); in its "
                f"sshd_config, let MaxSessions be 10, as it is by default"
            ) from None
        except Exception:
            raise PassingError(f"device {self.name}: the connection dropped") from None

    @contextmanager
    def mapped(self, what: str = "") -> Iterator[None]:
        """Errors of the libraries as ours."""
        from paramiko import SSHException

        try:
            yield
        except (OSError, EOFError, SSHException) as error:
            self.probe()
            if isinstance(error, TimeoutError):
                raise PassingError(
                    f"device {self.name}: {what}no answer within {COMMAND_WITHIN_S:g} s"
                ) from error
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
    with open_connection(name, address) as connection:
        yield Host(name, connection)
