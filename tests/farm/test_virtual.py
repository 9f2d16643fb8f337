"""Virtual devices: started, stopped, and nothing left behind, however the parent ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import connect
from edgebnn.farm.virtual import virtual_host

PARENT = """
import sys
from pathlib import Path
from edgebnn.farm.connection import connect
from edgebnn.farm.virtual import virtual_host
DETACH = "(setsid sh -c 'echo $$; exec sleep 1000 <&- >&- 2>&-' &)"
ending, root = sys.argv[1:]
with virtual_host("one", 0, Path(root), "farm.yaml") as address, connect("one", address) as host:
    print(host.run(["sh", "-c", "echo $PPID"]).stdout)
    print(address.known_hosts.parent, flush=True)
    server = host.run(["sh", "-c", "ps -o ppid= -p $PPID || cut -d ' ' -f 4 /proc/$PPID/stat"]).stdout
    print(int(server), flush=True)
    print(int(host.run(["cut", "-d", " ", "-f", "4", f"/proc/{int(server)}/stat"]).stdout), flush=True)
    print(int(host.run(["sh", "-c", DETACH]).stdout), flush=True)
    with host.hold(["sh", "-c", "sleep 1000 <&- >&- 2>&- & echo $!; cat"]) as held:
        print(held.first, flush=True)
        if ending == "failure":
            raise RuntimeError("on purpose")
        if ending == "wait":
            host.run(["sh", "-c", "echo $$; sleep 1000"], on_line=lambda line: print(line, flush=True))
"""


def start(ending: str, root: Path) -> tuple[subprocess.Popen[str], Path, list[int]]:
    """A parent with a device; the folder of its keys; the server, its keeper, detached, held, running."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, ending, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.stdout.readline()
    keys = Path(parent.stdout.readline().strip())
    count = 5 if ending == "wait" else 4
    return parent, keys, [int(parent.stdout.readline()) for _ in range(count)]


def gone(parent: subprocess.Popen[str], processes: list[int], ended: Callable[[int], bool]) -> bool:
    """Whether all end once the parent has; it is waited for."""
    parent.communicate()
    return all(ended(process) for process in processes)


@pytest.mark.parametrize("ending", ["success", "failure"])
def test_nothing_is_left_after_the_block(
    tmp_path: Path, ended: Callable[[int], bool], ending: str
) -> None:
    parent, keys, processes = start(ending, tmp_path / "one")
    assert gone(parent, processes, ended)
    assert (parent.returncode == 0) == (ending == "success")
    assert not keys.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_a_signal_to_the_parent(
    tmp_path: Path, ended: Callable[[int], bool], number: signal.Signals
) -> None:
    parent, keys, processes = start("wait", tmp_path / "one")
    os.killpg(parent.pid, number)
    assert gone(parent, processes, ended)
    assert parent.returncode != 0
    assert not keys.exists()


def test_nothing_is_left_after_the_server_is_killed(
    tmp_path: Path, ended: Callable[[int], bool]
) -> None:
    parent, keys, processes = start("wait", tmp_path / "one")
    os.kill(processes[0], signal.SIGKILL)
    assert gone(parent, processes, ended)
    assert parent.returncode != 0
    assert not keys.exists()


def test_the_keeper_passes_a_signal_on(tmp_path: Path, ended: Callable[[int], bool]) -> None:
    parent, keys, processes = start("wait", tmp_path / "one")
    os.kill(processes[1], signal.SIGINT)  # of no effect
    os.kill(processes[1], signal.SIGTERM)
    assert gone(parent, processes, ended)
    assert not keys.exists()


def test_the_server_goes_with_its_keeper(tmp_path: Path, ended: Callable[[int], bool]) -> None:
    parent, _, processes = start("wait", tmp_path / "one")
    try:
        os.kill(processes[1], signal.SIGKILL)
        parent.communicate()
        assert ended(processes[0])
        assert ended(processes[4])  # bound to its session
    finally:
        for process in processes[2:4]:  # nobody else ends them
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def test_keys_are_new_each_time_and_for_us_alone(tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        with virtual_host("one", 0, tmp_path / "one", "farm.yaml") as address:
            assert address.own_key is not None
            seen |= {address.own_key.read_text(), address.known_hosts.read_text()}
            assert address.own_key.parent.stat().st_mode & 0o777 == 0o700
            assert address.own_key.stat().st_mode & 0o777 == 0o600
        assert not address.own_key.exists()
    assert len(seen) == 4


def test_files_stay_from_one_start_to_the_next(tmp_path: Path) -> None:
    for command in ("echo kept >file", "cat file"):
        with (
            virtual_host("one", 0, tmp_path / "one", "farm.yaml") as address,
            connect("one", address) as host,
        ):
            printed = host.run(["sh", "-c", command]).stdout
    assert printed == "kept\n"


def test_a_busy_port_names_file_and_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                InfrastructureError,
                match=rf"^farm\.yaml: devices\.one\.port: {port} on 127.0.0.1: Address already in use",
            ),
            virtual_host("one", port, tmp_path / "one", "farm.yaml"),
        ):
            pass


def test_a_chosen_port_is_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with virtual_host("one", port, tmp_path / "one", "farm.yaml") as address:
        assert address.port == port


def test_it_is_reached_on_loopback_alone_and_has_no_interactive_shell(tmp_path: Path) -> None:
    with virtual_host("one", 0, tmp_path / "one", "farm.yaml") as address:
        entries = Path("/proc/net/tcp").read_text().splitlines()[1:]
        local = [entry.split()[1] for entry in entries if entry.split()[3] == "0A"]
        assert [place for place in local if place.endswith(f":{address.port:04X}")] == [
            f"0100007F:{address.port:04X}"
        ]
        with connect("one", address) as host:
            channel = host._connection.transport.open_session()
            channel.invoke_shell()
            assert b"no interactive shell" in channel.makefile_stderr("rb").read()
            assert channel.recv_exit_status() == 1
