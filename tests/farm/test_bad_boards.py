"""One bad board costs one board: what can be wrong with it, each on a real OpenSSH server."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgebnn.errors import InfrastructureError
from edgebnn.farm import check, connection, survey, tables, transport
from edgebnn.farm.address import Address
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.job import train_on_device
from edgebnn.farm.pick import on_a_device
from edgebnn.farm.reach import reach
from edgebnn.study.run import Run
from tests.farm.chores import Chore, Watched
from tests.farm.sshd import needs_sshd, serve

pytestmark = needs_sshd

FAKE = "mkdir -p bin; export PATH=$HOME/bin:$PATH; printf '#!/bin/sh\\n%s\\n' {} >bin/{}; chmod 755 bin/*"


def fake(program: str, does: str) -> str:
    """A login script that puts a program of the test's before the system's."""
    return FAKE.format(f"'{does}'", program)


def told(farm: Inventory, folder: Path, build: Path) -> str:
    """What `edgebnn farm check` prints."""
    console = Console(record=True, width=400)
    console.print(tables.checked_table(farm, tables.check_all(farm, folder / "virtual", build)))
    return console.export_text()


BAD = {
    "ends": (
        "echo This account is not available.; exit 1",
        "login script or shell ends, .*This account is not av",
    ),
    "another shell": ("exec true", "login script or shell ends"),
    "no flock": (
        "mkdir -p bin; for p in sh cat mkdir; do ln -sf $(command -v $p) bin/; done; export PATH=$HOME/bin",
        "has no program flock",
    ),
    "no folder": ("test -e edgebnn || echo >edgebnn", "File exists"),
    "noexec": (
        fake("chmod", "exit 0"),
        r"cannot run edgebnn-measure \(exit status 126: .*denied\); is HOME mounted noexec",
    ),
    "no room": (fake("cat", "exec /bin/cat >/dev/full"), "No space left on device"),
    "no store": (
        "mkdir -p edgebnn; test -e edgebnn/store || echo >edgebnn/store",
        "edgebnn/store.*File exists",
    ),
    "junk": (fake("uname", "echo a sparrow"), "is a sparrow, but target native is for"),
    "old flock": (
        fake("flock", "echo flock: unrecognized option >&2; exit 64"),
        "unrecognized option",
    ),
    "resets": (
        fake("uname", "kill -9 $(cut -d\\  -f4 /proc/$PPID/stat) $PPID"),
        "was killed by a signal",
    ),
    "changes": (fake("sha256sum", "echo 0"), "arrived changed"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_board_is_set_aside_and_found(  # noqa: PLR0917 - fixtures
    what: str,
    keys: Path,
    address: Address,
    as_board: dict[str, Any],
    inventory: Callable[..., Inventory],
    build: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login, reason = BAD[what]
    with serve(tmp_path / "bad", keys / "good", login=login) as server:
        farm = inventory(bad=server.entry(identity_file=str(keys / "good")), good=as_board)
        farm.known_hosts.write_text(address.known_hosts.read_text() + "\n")
        server.trust(farm.known_hosts)
        said: list[str] = []
        watched = Watched(farm, build(), tmp_path)
        assert on_a_device(watched, Chore("bench"), said.append, "bad") == "good"
        found = told(farm, tmp_path, build())
    for text in (said[0], found):
        assert re.search(reason, " ".join(text.split())), text
    assert said[0].startswith("set aside: device bad: ")
    assert "runs edgebnn-measure" in found


SLOW = {
    "waits": (
        "echo Password for the VPN; sleep 100",
        "login script or shell ends, or waits, .*Password for",
    ),
    "hangs": (
        fake("df", "exec sleep 100"),
        r"sh did not end within 1 s \(its last word was of memory_kib\)",
    ),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_board_that_hangs_is_set_aside(  # noqa: PLR0917 - fixtures
    what: str,
    keys: Path,
    inventory: Callable[..., Inventory],
    build: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By itself: a limit that is short enough for a test could be too short for a good board."""
    monkeypatch.setattr(connection, "BEGINS_WITHIN_S", 1.0)
    monkeypatch.setattr(check, "_FACTS_WITHIN_S", 1.0)
    login, reason = SLOW[what]
    with serve(tmp_path / "slow", keys / "good", login=login) as server:
        farm = inventory(slow=server.entry(identity_file=str(keys / "good")))
        farm = farm.model_copy(update={"patience_min": 0.0})
        server.trust(farm.known_hosts)
        with pytest.raises(InfrastructureError, match=reason):
            on_a_device(Watched(farm, build(), tmp_path), Chore("bench"), lambda line: None)


@pytest.mark.parametrize("what", ["junk", "no flock", "noexec"])
def test_what_will_not_pass_by_itself_is_not_waited_for(
    what: str,
    keys: Path,
    inventory: Callable[..., Inventory],
    build: Callable[..., Path],
    tmp_path: Path,
) -> None:
    login, reason = BAD[what]
    with serve(tmp_path / "bad", keys / "good", login=login) as server:
        farm = inventory(bad=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        watched = Watched(farm, build(), tmp_path)
        with pytest.raises(InfrastructureError, match=reason):
            on_a_device(watched, Chore("bench"), lambda line: None)
    assert watched.waits == []


def test_a_program_of_another_machine_is_found(
    keys: Path, inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    programs = build()
    (programs / "native" / "edgebnn-measure").write_bytes(b"\x7fELF\2\1\1" + bytes(100))
    with serve(tmp_path / "other", keys / "good") as server:
        farm = inventory(other=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        found = told(farm, tmp_path, programs)
    assert "cannot run edgebnn-measure" in found
    assert "is target native right for it?" in found


def test_what_the_ssh_configuration_gets_wrong_costs_one_board(
    ssh: Path, inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    (ssh / "config").write_text("Host far\n ProxyJump a:b:c\n")
    farm = inventory(
        far={"host": "far", "board": "bench", "target": "native"},
        unbuilt={"host": "far", "board": "bench", "target": "armv7-linux"},
        good={"kind": "virtual", "board": "bench"},
    )
    said: list[str] = []
    for name in ("far", "unbuilt"):
        watched = Watched(farm, build(), tmp_path)
        assert on_a_device(watched, Chore("bench"), said.append, name) == "good"
    assert said[0].startswith("set aside: device far: ")
    assert "ProxyJump 'a:b:c'" in said[0]
    assert "edgebnn build armv7-linux" in said[1]


def test_a_silent_firmware_is_a_warning(
    keys: Path, inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    login = fake("vcgencmd", "echo VCHI initialization failed >&2; exit 255")
    with serve(tmp_path / "pi", keys / "good", login=login) as server:
        farm = inventory(pi=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        found = told(farm, tmp_path, build())
    assert "throttling unknown: vcgencmd says 'VCHI initialization failed'" in found


def test_a_check_ends_in_time_whatever_a_device_does(
    keys: Path,
    inventory: Callable[..., Inventory],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(survey, "WITHIN_S", 1.0)
    with serve(tmp_path / "slow", keys / "good", login="sleep 2") as server:
        farm = inventory(slow=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        found = told(farm, tmp_path, tmp_path)
    assert "not done within 1 s" in found


def descendants(process: int) -> list[int]:
    """All processes that a process started, and those started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def test_a_server_that_is_stopped_is_gone(
    keys: Path,
    inventory: Callable[..., Inventory],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TCP still acknowledges all; the keepalives stay unanswered."""
    monkeypatch.setattr(transport, "KEEPALIVE_S", 0.1)
    monkeypatch.setattr(transport, "DROP_AFTER_S", 0.4)
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 0.5)
    with serve(tmp_path / "stops", keys / "good") as server:
        farm = inventory(stops=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        stopped: list[int] = []

        def stop(line: str) -> None:
            stopped.extend(descendants(server.process.pid))
            for process in stopped:
                os.kill(process, signal.SIGSTOP)

        with (
            pytest.raises(InfrastructureError, match="device stops: the connection dropped"),
            reach("stops", farm, tmp_path) as host,
        ):
            host.run(["sh", "-c", "echo trains; sleep 100"], on_line=stop, within_s=None)
        for process in stopped:
            os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("MaxSessions 1", r"takes no more commands .*let MaxSessions be 10"),
        ("AuthenticationMethods publickey,password\nPasswordAuthentication yes", r"took our key and asks for more \(password\)"),
        ("PubkeyAuthentication no\nPasswordAuthentication yes", r"lets nobody in by key, only by .*password"),
        ("ForceCommand internal-sftp", r"login script or shell ends.* sftp connections only"),
        ("ForceCommand /bin/false", r"login script or shell ends"),
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com", r"no acceptable kex algorithm.*Kex"),
        ("PermitRootLogin no\nDenyUsers *", r"refused our key"),
    ],
)  # fmt: skip
def test_a_server_of_another_mind_is_told_apart(
    options: str, reason: str, keys: Path, inventory: Callable[..., Inventory], tmp_path: Path
) -> None:
    with serve(tmp_path / "strict", keys / "good", options=options) as server:
        farm = inventory(strict=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        found = told(farm, tmp_path, tmp_path)
    assert re.search(reason, " ".join(found.split()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("login", "options"),
    [
        ("echo Welcome to pi", ""),
        ("printf 'no end of line'", ""),
        ("echo 'stty: not a tty' >&2; echo; echo held; echo busy", ""),
        ("cat /proc/version /proc/cpuinfo /proc/meminfo", ""),
        ("export CDPATH=/usr:/tmp; mkdir -p edgebnn/jobs", "Banner /etc/hostname"),
        ("export LD_PRELOAD=/none/libarmmem.so", "MaxAuthTries 1"),
        ("umask 077; ulimit -n 64; set -eu", "PermitTTY no\nAllowTcpForwarding no\nX11Forwarding no"),
        ("export LANG=C LC_ALL=C POSIXLY_CORRECT=1 BASH_ENV=/etc/hostname", "Compression yes"),
        ("printf '\\377\\376\\0 latin'; printf '\\351' >&2", "Subsystem sftp /bin/echo hello"),
        ("unset PATH; PATH=/usr/bin:/bin; export PATH; exec 0<&0; trap '' HUP", "RekeyLimit 16K"),
    ],
)  # fmt: skip
def test_noise_and_oddities_are_borne(  # noqa: PLR0917 - fixtures
    login: str,
    options: str,
    keys: Path,
    inventory: Callable[..., Inventory],
    build: Callable[..., Path],
    data: Path,
    run: Run,
    tmp_path: Path,
) -> None:
    with serve(tmp_path / "odd", keys / "good", login=login, options=options) as server:
        farm = inventory(odd=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        job = run.model_copy(update={"board": "bench"})
        train_on_device(job, data, build(), farm, tmp_path / "o.json", tmp_path, lambda line: None)
    assert (tmp_path / "o.json").exists()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"is it on, and sshd running\?"),
        (b"", r"is it on, and sshd running\?"),
        (b"SSH-1.5-old\r\n", r"Incompatible version"),
        (b"SSH-2.0-new\r\n" + bytes(64), r"is it on, and sshd running\?"),
        (None, "no SSH server answers there; is it on"),
    ],
)
def test_a_port_of_another_service(
    answer: bytes | None,
    reason: str,
    inventory: Callable[..., Inventory],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "ANSWER_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as port:

        def serve_once() -> None:
            talk, _ = port.accept()
            with talk:
                if answer is None:
                    talk.recv(100)  # and no word
                    talk.recv(100)
                else:
                    talk.sendall(answer)

        thread = threading.Thread(target=serve_once)
        thread.start()
        board = {"host": "127.0.0.1", "port": port.getsockname()[1], "target": "native"}
        found = told(inventory(odd={**board, "board": "bench"}), tmp_path, tmp_path)
        thread.join()
    assert re.search(reason, " ".join(found.split()))


def test_a_name_that_nobody_knows(inventory: Callable[..., Inventory], tmp_path: Path) -> None:
    board = {"host": "no-such-host.invalid", "board": "bench", "target": "native"}
    assert "no such host: its name is not known here" in told(
        inventory(a=board), tmp_path, tmp_path
    )
