"""A connection to a device: commands, files, and held commands. Only this file knows Fabric.

Trust is ours alone: one known_hosts file, no system host keys, unknown and changed keys refused. Keys
or agent, never a password. Remote arguments are always quoted; remote paths are relative to HOME.

What a login script prints comes before our own words, so every command says a line first, and what
stands before it is dropped. Files go through `cat`: any host has it, and not all have SFTP. Nothing is
waited for without a limit: an answer, a command, a byte of a file; a host that leaves keepalives
unanswered is gone.
"""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.errors import EdgebnnError, InfrastructureError
from edgebnn.farm.address import Address
from edgebnn.farm.bound import bound
from edgebnn.farm.transport import ANSWER_WITHIN_S, open_connection

BEGINS_WITHIN_S = 30.0
"""For a login script, before a command."""
COMMAND_WITHIN_S = 60.0
_BLOCK = 1 << 15
_MARK = "edgebnn: what follows is ours"
_SAY = f"echo {shlex.quote(_MARK)} && echo {shlex.quote(_MARK)} >&2 && "


# $1: the path, $2: the digest of what arrives.
_PUT = """
cat >"$1.part" && chmod 755 "$1.part" &&
  test "$(sha256sum <"$1.part")" = "$2  -" && mv "$1.part" "$1" && exit
status=$?
rm -f "$1.part"
exit $status
"""
_GET = 'sha256sum <"$1" && exec cat "$1"'


def reading_limit(file: Path) -> float:
    """Seconds that a device may take to read a file: slow cards read 1 MB in a second."""
    return COMMAND_WITHIN_S + file.stat().st_size / 1e6


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
        within_s: float | None = COMMAND_WITHIN_S,
    ) -> Done:
        """Runs a command to its end; it dies with the connection.

        Args:
            argv: the program and its arguments, as they shall arrive.
            folder: remote working directory.
            on_line: told each line of standard output as it comes.
            failure: the error that a non-zero exit status is.
            within_s: seconds that it may take; None: any time.

        Raises:
            InfrastructureError: the connection dropped, or time is up.
            EdgebnnError: the command failed, as `failure`; the message ends with its last lines.
        """
        done = self.try_run(argv, folder=folder, on_line=on_line, within_s=within_s)
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
        within_s: float | None = COMMAND_WITHIN_S,
    ) -> Done:
        """The same with any exit status; raises InfrastructureError alone."""
        from invoke.exceptions import ThreadException

        command = f"{_SAY}cd {shlex.quote(f'./{folder}')} && exec {shlex.join(bound(argv))}"
        lines = _Lines(on_line or (lambda line: None))
        with self._mapped():
            try:
                promise = self._connection.run(
                    command,
                    asynchronous=True,
                    out_stream=lines,
                    hide="err",
                    warn=True,
                    encoding="utf-8",
                )
                result = self._finish(promise, Path(argv[0]).name, within_s, lines)
            except ThreadException as error:
                first = error.exceptions[0].value
                raise first if isinstance(first, Exception) else error from None
        noise, mark, stdout = result.stdout.partition(f"{_MARK}\n")
        if result.exited < 0:
            self._probe()
            raise InfrastructureError(f"device {self.name}: {argv[0]} was killed by a signal")
        if not mark:
            raise self._no_shell(result.stderr + noise)
        return Done(result.exited, stdout, result.stderr.rpartition(f"{_MARK}\n")[2])

    def _no_shell(self, said: str) -> InfrastructureError:
        """The error of a login that never came to our command."""
        words = " ".join(said.split())[:200]
        return InfrastructureError(
            f"device {self.name}: its login script or shell ends, or waits, before our command begins"
            + (f"; it says: {words}" if words else "")
            + "; the shell must be one of sh's kin (bash, dash, zsh, fish), and .bashrc and the like "
            "must let commands pass: case $- in *i*) ;; *) return ;; esac"
        )

    def _finish(self, promise: Any, program: str, within_s: float | None, lines: _Lines) -> Any:
        """The result of a command that was started; Ctrl-C ends it at once.

        Fabric's own wait does not: it joins threads that read until the command ends by itself.
        """
        channel = promise.runner.channel
        begins = time.monotonic() + BEGINS_WITHIN_S
        ends = None if within_s is None else time.monotonic() + within_s
        try:
            while not (channel.status_event.wait(0.2) or promise.runner.has_dead_threads):
                if not lines.marked and time.monotonic() > begins:
                    raise self._no_shell(lines.noise)
                if ends is not None and time.monotonic() > ends:
                    raise InfrastructureError(
                        f"device {self.name}: {program} did not end within {within_s:g} s"
                    )
            return promise.join()
        except BaseException:
            channel.close()
            raise

    @contextmanager
    def _channel(self, argv: list[str]) -> Iterator[Any]:
        """A command's bare channel while the block runs, its output read up to our mark."""
        with self._mapped():
            channel = self._connection.transport.open_session(timeout=ANSWER_WITHIN_S)
        try:
            with self._mapped():
                channel.settimeout(BEGINS_WITHIN_S)
                channel.exec_command(f"{_SAY}exec {shlex.join(argv)}")
                said = bytearray()
                while not said.endswith(f"{_MARK}\n".encode()):
                    try:
                        byte = channel.recv(1)
                    except TimeoutError:
                        byte = b""
                    if not byte:
                        raise self._no_shell(said.decode(errors="replace"))
                    said += byte
                channel.settimeout(COMMAND_WITHIN_S)
            yield channel
        finally:
            channel.close()

    @contextmanager
    def hold(self, argv: list[str]) -> Iterator[str]:
        """Runs a command beside others while the block runs; it sees its input end with the block.

        Yields:
            Its first line of output, or an empty string if it ended without one.
        """
        with self._channel(argv) as channel:
            with self._mapped():
                first = channel.makefile("rb").readline().decode(errors="replace").strip()
            try:
                yield first
            finally:
                with suppress(Exception):
                    channel.shutdown_write()
                    channel.status_event.wait(ANSWER_WITHIN_S)

    def put(self, local: Path, remote: str, sha256: str) -> None:
        """Sends a file to a path under the device's HOME: whole and executable, or not at all.

        Args:
            sha256: what the file has, and what must arrive.
        """
        argv = ["sh", "-c", _PUT, "sh", remote, sha256]
        with (
            local.open("rb") as file,
            self._channel(argv) as channel,
            self._mapped(f"{remote}: "),
        ):
            try:
                while block := file.read(_BLOCK):
                    channel.sendall(block)
                channel.shutdown_write()
            except OSError:
                if not channel.closed and not channel.exit_status_ready():
                    raise  # else its own words say more
            channel.settimeout(reading_limit(local))
            self._end(channel, remote)

    def get(self, remote: str, local: Path) -> None:
        """Fetches a file from a path under the device's HOME; nothing is left of one that fails."""
        digest = hashlib.sha256()
        try:
            with (
                local.open("wb") as file,
                self._channel(["sh", "-c", _GET, "sh", remote]) as channel,
                self._mapped(f"{remote}: "),
            ):
                sent = channel.makefile("rb", _BLOCK)
                wanted = sent.readline().decode(errors="replace").split(" ")[0]
                while block := sent.read(_BLOCK):
                    digest.update(block)
                    try:
                        file.write(block)
                    except OSError as error:
                        raise InfrastructureError(f"{local}: {error.strerror}") from None
                self._end(channel, remote)
                if digest.hexdigest() != wanted:
                    raise InfrastructureError(f"device {self.name}: {remote} arrived changed")
        except BaseException:
            local.unlink(missing_ok=True)
            raise

    def _end(self, channel: Any, remote: str) -> None:
        """Waits for a `cat` to end; raises InfrastructureError with its words if it failed."""
        words = channel.makefile_stderr("rb").read().decode(errors="replace")
        channel.status_event.wait(COMMAND_WITHIN_S)
        if channel.exit_status:
            self._probe()
            words = words.rpartition(f"{_MARK}\n")[2].strip()
            if not words and channel.exit_status == 1:
                words = "arrived changed"  # what `test` says by its status alone
            words = words or f"exit status {channel.exit_status}"
            raise InfrastructureError(f"device {self.name}: {remote}: {words}")

    def _probe(self) -> None:
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
            if isinstance(error, TimeoutError):
                reason = f"no answer within {COMMAND_WITHIN_S:g} s"
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


class _Lines:
    """A text stream that hands on whole lines, from our mark on."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = ""
        self.marked = False
        """Our mark has come."""

    @property
    def noise(self) -> str:
        """What came instead."""
        return "" if self.marked else self._rest

    def write(self, text: str) -> None:
        self._rest += text
        if not self.marked:
            _, mark, rest = self._rest.partition(f"{_MARK}\n")
            if not mark:
                return
            self.marked, self._rest = True, rest
        *lines, self._rest = self._rest.split("\n")
        for line in lines:
            self._on_line(line)

    def flush(self) -> None:
        """Nothing is held back but an unfinished line."""
