"""Fabric against a real SSH server: commands, files, and whom we trust."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from edgebnn.errors import InfrastructureError, JobError
from edgebnn.farm.address import Address
from edgebnn.farm.bound import bound
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.transfer import get, put
from edgebnn.farm.virtual import virtual_host

NASTY = ["a b", "'", '"', "$HOME", "`id`", "*", "\\", "a\nb", "; exit 9", "", "-n", "ä€"]


def test_arguments_arrive_as_they_are(host: Host) -> None:
    done = host.run([sys.executable, "-c", "import sys; print(sys.argv[1:])", *NASTY])
    assert done.stdout == f"{NASTY}\n"


def test_lines_are_told_as_they_come(host: Host) -> None:
    lines: list[str] = []
    host.run(["printf", "one\\ntwo\\nthr"], on_line=lines.append)
    assert lines == ["one", "two"]


def test_an_exit_status_becomes_the_error_that_it_means(host: Host) -> None:
    command = ["sh", "-c", "echo out; echo the reason >&2; exit 7"]
    assert host.try_run(command).status == 7
    with pytest.raises(InfrastructureError, match=r"sh failed \(exit status 7\)\n  the reason"):
        host.run(command)
    with pytest.raises(JobError, match="the reason"):
        host.run(command, failure=JobError)
    with pytest.raises(JobError, match="killed by signal 9"):
        host.run(["sh", "-c", "kill -9 $$"], failure=JobError)
    assert host.try_run(["sh", "-c", "kill -9 $$"]).status == 128 + 9


def test_a_folder_is_where_it_runs(host: Host, home: Path) -> None:
    folder = "a folder"
    (home / folder).mkdir()
    assert host.run(["pwd"], folder=folder).stdout == f"{home / folder}\n"
    assert host.run(["sh", "-c", "echo $HOME"]).stdout == f"{home}\n"


def test_files_travel_both_ways(host: Host, home: Path, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "there").write_bytes(content)
    put(host, tmp_path / "there", "some file", hashlib.sha256(content).hexdigest())
    assert (home / "some file").read_bytes() == content
    get(host, "some file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    with pytest.raises(InfrastructureError, match=r"device one: none: .*none: No such file"):
        get(host, "none", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_file_that_changes_on_the_way_is_refused(host: Host, home: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"one")
    with pytest.raises(InfrastructureError, match="device one: here: arrived changed"):
        put(host, tmp_path / "there", "here", hashlib.sha256(b"two").hexdigest())
    assert list(home.iterdir()) == []


def test_a_held_command_sees_the_end_of_its_block(host: Host, home: Path) -> None:
    with host.hold(["sh", "-c", "echo held; cat; echo over >after"]) as held:
        assert held.first == "held"
        assert not held.over
        assert host.run(["echo", "beside"]).stdout == "beside\n"
        assert not (home / "after").exists()
    assert (home / "after").exists()


def test_an_unknown_host_key_is_refused(address: Address, tmp_path: Path) -> None:
    for known_hosts in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").touch()
        with (
            pytest.raises(InfrastructureError, match=r"not pinned in .*farm enroll one"),
            connect("one", replace(address, known_hosts=known_hosts)),
        ):
            pass
        assert not (tmp_path / "none").exists()


def test_a_changed_host_key_is_refused(address: Address, tmp_path: Path) -> None:
    with virtual_host("two", 0, tmp_path / "two", "farm.yaml") as other:
        place = address.known_hosts.read_text().split(" ")[0]
        wrong = tmp_path / "wrong"
        wrong.write_text(" ".join([place, *other.known_hosts.read_text().split(" ")[1:]]))
        with (
            pytest.raises(InfrastructureError, match=r"not the one pinned in .*farm enroll one"),
            connect("one", replace(address, known_hosts=wrong)),
        ):
            pass


def test_another_user_or_key_is_refused(address: Address, tmp_path: Path) -> None:
    with virtual_host("two", 0, tmp_path / "two", "farm.yaml") as other:
        for stranger in (
            replace(address, user="stranger"),
            replace(address, own_key=other.own_key),
        ):
            with (
                pytest.raises(InfrastructureError, match=r"refused our key .*ssh-copy-id"),
                connect("one", stranger),
            ):
                pass


def test_nobody_there_is_one_message(address: Address, tmp_path: Path) -> None:
    with virtual_host("two", 0, tmp_path / "two", "farm.yaml") as gone:
        pass
    with (
        pytest.raises(
            InfrastructureError, match=rf"one \({address.user}@127\.0\.0\.1, port \d+\): .*sshd"
        ),
        connect("one", replace(address, port=gone.port)),
    ):
        pass


def test_no_password_is_ever_offered(address: Address, tmp_path: Path) -> None:
    """A server that asks for passwords alone, and notes what it is told."""
    offered: list[str] = []

    connections: list[asyncssh.SSHServerConnection] = []

    class Asks(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            connections.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            offered.append(password)
            return True

        def kbdint_auth_supported(self) -> bool:
            return True

        def get_kbdint_challenge(self, *details: str) -> tuple[object, ...]:
            offered.append("challenge")
            return ("", "", "", [("Password:", False)])

    loop = asyncio.new_event_loop()
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen("127.0.0.1", 0, server_factory=Asks, server_host_keys=[key])

    async def end(server: asyncssh.SSHAcceptor) -> None:
        server.close()
        for connection in connections:
            await connection.wait_closed()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        known_hosts = tmp_path / "known_hosts"
        line = key.export_public_key().decode()
        known_hosts.write_text(f"[127.0.0.1]:{server.get_port()} {line}")
        asking = replace(address, port=server.get_port(), known_hosts=known_hosts)
        with pytest.raises(InfrastructureError), connect("one", asking):
            pass
        assert offered == []
        asyncio.run_coroutine_threadsafe(end(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


CLIENT = """
import sys
from pathlib import Path
from edgebnn.farm.address import Address
from edgebnn.farm.connection import connect
host, port, user, known_hosts, key = sys.argv[1:]
address = Address(host, int(port), user, Path(known_hosts), Path(key))
with connect("one", address) as host:
    with host.hold(["sh", "-c", "echo $$; cat"]) as held:
        print(held.first, flush=True)
        host.run(["sh", "-c", "echo $$; sleep 1000 & echo $!; wait"], on_line=lambda line: print(line, flush=True))
"""


def test_a_client_that_vanishes_leaves_nothing_running(
    address: Address, ended: Callable[[int], bool]
) -> None:
    words = (address.host, address.port, address.user, address.known_hosts, address.own_key)
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, *map(str, words)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    processes = [int(client.stdout.readline()) for _ in range(3)]
    client.kill()
    client.wait()
    client.stdout.close()
    for process in processes:
        assert ended(process)
    with connect("one", address) as again:
        assert again.run(["echo", "still here"]).stdout == "still here\n"


def test_a_listener_that_fails_leaves_nothing_running(
    host: Host, ended: Callable[[int], bool]
) -> None:
    processes: list[int] = []

    def listen(line: str) -> None:
        processes.append(int(line))
        if len(processes) == 2:
            raise JobError("heard enough")

    with pytest.raises(JobError, match="heard enough"):
        host.run(["sh", "-c", "echo $$; sleep 1000 & echo $!; wait"], on_line=listen)
    for process in processes:
        assert ended(process)


def test_a_detached_command_outlives_its_connection(
    address: Address, ended: Callable[[int], bool]
) -> None:
    script = "(setsid sh -c 'echo $$; exec sleep 1000 <&- >&- 2>&-' &)"
    with connect("one", address) as host:
        process = host.run(["sh", "-c", script]).stdout.strip()
    with connect("one", address) as host:
        assert host.run(["cat", f"/proc/{process}/comm"]).stdout == "sleep\n"
        host.run(["kill", process])
    assert ended(int(process))


def test_a_command_is_bound_to_its_session_by_itself(ended: Callable[[int], bool]) -> None:
    """What a real board's sshd does when a connection drops: it closes standard input, no more."""
    session = subprocess.Popen(
        bound(["sh", "-c", "echo $$; sleep 1000 & echo $!; wait"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert session.stdin is not None
    assert session.stdout is not None
    processes = [int(session.stdout.readline()) for _ in range(2)]
    session.stdin.close()
    assert session.wait() == -9
    session.stdout.close()
    for process in processes:
        assert ended(process)
