"""What may pass by itself is a PassingError; what a person must mend is not."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError, PassingError
from edgebnn.farm import connection, transport
from edgebnn.farm.address import Address
from edgebnn.farm.connection import Host, connect
from tests.farm.proxy import Fault, proxy
from tests.farm.sshd import keygen, needs_sshd, serve


@contextmanager
def fails_as(kind: type[InfrastructureError], reason: str) -> Iterator[None]:
    """The block fails with an error of exactly this kind."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.type is kind
    assert re.search(reason, str(caught.value)), caught.value


def connects(address: Address) -> None:
    with connect("one", address):
        pass


def test_a_closed_port_may_open(address: Address) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with fails_as(PassingError, "Connection refused"):
        connects(replace(address, port=port))


def test_a_silent_server_may_speak(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_WITHIN_S", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        fails_as(PassingError, "no SSH server answers"),
    ):
        connects(replace(address, port=silent.getsockname()[1]))


@pytest.mark.parametrize("kind", ["cut", "reset"])
@pytest.mark.parametrize("after", [1, 200])
def test_a_connection_lost_on_the_way_in_may_come(address: Address, kind: str, after: int) -> None:
    """In the greeting, and in the exchange of keys."""
    with (
        proxy(address.port, lambda number: Fault(kind, "down", after)) as before,
        fails_as(PassingError, "is it on"),
    ):
        connects(replace(address, port=before.port))
    assert before.fired == [Fault(kind, "down", after)]


def test_a_command_that_takes_too_long_may_be_quicker(host: Host) -> None:
    with fails_as(PassingError, "sleep did not end within 0.1 s"):
        host.run(["sleep", "100"], within_s=0.1)


def test_a_held_command_without_a_word_may_speak(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "COMMAND_WITHIN_S", 0.1)
    with (
        fails_as(PassingError, "device one: no answer within 0.1 s"),
        host.hold(["sleep", "100"]),
    ):
        pass


def test_a_name_that_nobody_knows_stays_unknown(address: Address) -> None:
    with fails_as(InfrastructureError, "no such host"):
        connects(replace(address, host="no-such-host.invalid"))


def test_a_host_key_that_is_not_pinned_stays_so(address: Address, tmp_path: Path) -> None:
    with fails_as(InfrastructureError, "its host key is not pinned"):
        connects(replace(address, known_hosts=tmp_path / "none"))


def test_another_host_key_stays_refused(address: Address, tmp_path: Path) -> None:
    key_type, key = Path(f"{keygen(tmp_path / 'other')}.pub").read_text().split()[:2]
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{address.port} {key_type} {key}\n")
    with fails_as(InfrastructureError, "not the one pinned"):
        connects(replace(address, known_hosts=known_hosts))


def test_a_strangers_key_stays_refused(address: Address, tmp_path: Path) -> None:
    with fails_as(InfrastructureError, "refused our key"):
        connects(replace(address, own_key=keygen(tmp_path / "stranger")))


def test_a_program_that_is_missing_stays_missing(host: Host) -> None:
    with fails_as(InfrastructureError, r"no-such-program failed \(exit status 127\)"):
        host.run(["no-such-program"])


@needs_sshd
@pytest.mark.parametrize(
    ("login", "options", "reason"),
    [
        ("exit 1", "", "login script or shell ends"),
        ("", "KexAlgorithms sntrup761x25519-sha512@openssh.com", "no acceptable kex algorithm"),
        ("", "MaxSessions 1", "takes no more commands"),
    ],
)
def test_a_server_of_another_mind_keeps_it(
    login: str, options: str, reason: str, keys: Path, tmp_path: Path
) -> None:
    with serve(tmp_path / "strict", keys / "good", login=login, options=options) as server:
        known_hosts = tmp_path / "known_hosts"
        server.trust(known_hosts)
        entry = server.entry()
        address = Address(entry["host"], server.port, entry["user"], known_hosts, keys / "good")
        with (
            fails_as(InfrastructureError, reason),
            connect("strict", address) as host,
            host.hold(["sh", "-c", "echo held; cat"]),
        ):
            host.run(["true"])
