"""The process behind a virtual device: `python -m edgebnn.farm.virtual_server PORT ROOT`.

Prints one line, `{"port": .., "keys": folder}` or `{"error": ..}`, and serves commands until its
standard input ends. They are run by /bin/sh in ROOT, which is their HOME.

The process that was started is the server's keeper. A command's process group ends with its session;
what left the group runs on, as it would on a board, until the server has ended: then the keeper kills it.
"""

from __future__ import annotations

import asyncio
import ctypes.util
import getpass
import json
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgebnn.farm.keeper import be_kept
from edgebnn.farm.virtual import USER

# It would look for liboqs, which nothing here needs, and run the C compiler and the linker where there are any.
find_library, ctypes.util.find_library = ctypes.util.find_library, lambda name: None
try:
    import asyncssh
finally:
    ctypes.util.find_library = find_library


class OneUser(asyncssh.SSHServer):
    """Lets in one user name with one key; no password is ever asked for."""

    def __init__(self, key: asyncssh.SSHKey) -> None:
        self._key = key

    def begin_auth(self, username: str) -> bool:
        """Everyone must authenticate."""
        return True

    def public_key_auth_supported(self) -> bool:
        """The only way in."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """The one key, under the one name."""
        return username == USER and key == self._key


class Commands:
    """Runs what clients ask for, each command in a process group of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
        name = getpass.getuser()
        self._environment = {**kept, "HOME": str(root), "USER": name, "LC_ALL": "C"}

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """One command to its end, or to the end of the client that asked for it."""
        if process.command is None:
            process.stderr.write(b"edgebnn: a virtual device has no interactive shell\n")
            process.exit(1)
            return
        child = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", process.command),
            cwd=self._root,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        gone = asyncio.ensure_future(process.wait_closed())
        done = asyncio.ensure_future(self._follow(process, child))
        try:
            await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            gone.cancel()
            done.cancel()  # of no effect if the command ended by itself
            await asyncio.gather(done, gone, return_exceptions=True)
            await child.wait()

    async def _follow(
        self, process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
    ) -> None:
        assert child.stdin and child.stdout and child.stderr
        feeding = asyncio.ensure_future(_pump(process.stdin, child.stdin))
        try:
            await asyncio.gather(
                _pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr)
            )
            status = await child.wait()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)


async def _pump(source: Any, sink: Any) -> None:
    """Bytes from one stream to another; a child's standard input is closed after the last."""
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    if isinstance(sink, asyncio.StreamWriter):
        sink.close()


def _at_end(descriptor: int, ended: asyncio.Event) -> None:
    if not os.read(descriptor, 1024):
        ended.set()


async def serve(port: int, root: Path) -> None:
    """Serves until standard input ends."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), _at_end, sys.stdin.fileno(), ended)
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    public = client_key.convert_to_public()
    commands = Commands(root)
    with tempfile.TemporaryDirectory(prefix="edgebnn-keys-") as folder:  # for us alone: mode 0700
        server = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: OneUser(public),
            server_host_keys=[host_key],
            process_factory=commands.run,
            encoding=None,
            agent_forwarding=False,
        )
        client_key.write_private_key(Path(folder) / "client")
        (Path(folder) / "client").chmod(0o600)
        line = host_key.export_public_key().decode()
        (Path(folder) / "known_hosts").write_text(f"[127.0.0.1]:{server.get_port()} {line}")
        print(json.dumps({"port": server.get_port(), "keys": folder}), flush=True)
        try:
            await ended.wait()
        finally:
            server.close()


def main(arguments: list[str]) -> None:
    """Serves; says why if it cannot."""
    try:
        be_kept()
        asyncio.run(serve(int(arguments[0]), Path(arguments[1])))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        print(json.dumps({"error": why}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
