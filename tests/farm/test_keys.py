"""A board as ssh reaches it: OpenSSH's own server, keys and agent, and ~/.ssh/config."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.enroll import enroll
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.reach import reach
from tests.farm.sshd import USER, Server, agent, keygen, needs_sshd, serve

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that need none of their own."""
    folder = tmp_path_factory.mktemp("sshd")
    with serve(folder, keys / "good", keys / "encrypted") as running:
        yield running


@pytest.fixture
def hello(
    inventory: Callable[..., Inventory], tmp_path: Path, server: Server
) -> Callable[..., str]:
    """What a board says, that is written as this into the inventory."""

    def say(**entry: Any) -> str:
        farm = inventory(bench={**server.entry(), **entry})
        farm.known_hosts.unlink(missing_ok=True)
        server.trust(farm.known_hosts)
        with reach("bench", farm, tmp_path) as host:
            return host.run(["echo", "hello"]).stdout

    return say


def copy(key: Path, to: Path) -> Path:
    """A key and its public half elsewhere."""
    to.write_bytes(key.read_bytes())
    to.chmod(0o600)
    Path(f"{to}.pub").write_bytes(Path(f"{key}.pub").read_bytes())
    return to


@pytest.mark.parametrize("name", ["id_ed25519", "id_rsa"])
def test_a_usual_key(name: str, keys: Path, ssh: Path, hello: Callable[..., str]) -> None:
    copy(keys / "good", ssh / name)
    assert hello() == "hello\n"


@pytest.mark.parametrize("key", ["good", "encrypted"])
def test_the_agents_key(
    key: str, keys: Path, ssh: Path, hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = keys / "good"
    if key == "encrypted":  # as after ssh-add: the agent holds it open
        loaded = copy(keys / "encrypted", ssh / "opened")
        open_key(loaded)
        copy(keys / "encrypted", ssh / "id_ed25519")
    with agent(ssh, keys / "other", loaded) as where:
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        assert hello() == "hello\n"


def open_key(key: Path) -> None:
    """Takes the passphrase away."""
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "secret", "-N", "", "-f", str(key)], check=True)


def test_the_inventorys_key_goes_before_a_full_agent(
    keys: Path, ssh: Path, hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent(ssh, *(keys / f"other{number}" for number in range(7))) as where:
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        assert hello(identity_file=str(keys / "good")) == "hello\n"
        with pytest.raises(InfrastructureError, match=r"ended the talk after \d keys: too many"):
            hello()


@pytest.mark.parametrize(
    "config",
    [
        "Host pi\n IdentityFile ~/.ssh/none\n",
        "Host pi\n IdentityFile ~/.ssh/none\n IdentityFile ~/.ssh/good\n IdentitiesOnly yes\n",
        "Host pi\n IdentityFile ~/.ssh/other\n IdentityFile ~/.ssh/good\n",
        "IdentityFile %d/.ssh/good.pub # the agent has the rest\nIdentitiesOnly yes\n",
        'Host=p*\n  IdentityFile="~/.ssh/good"\n',
        "Match host 127.0.0.1\n IdentityFile ${HOME}/.ssh/good\n",
    ],
)
def test_identity_files_as_ssh_takes_them(
    config: str, keys: Path, ssh: Path, hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (ssh / "config").write_text(f"Host pi\n HostName 127.0.0.1\nHost *\n{config}")
    copy(keys / "good", ssh / "good")
    copy(keys / "other", ssh / "other")
    with agent(ssh, keys / "other", keys / "good") as where:
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        assert hello(host="pi") == "hello\n"


def test_the_agent_that_the_configuration_names(
    keys: Path, ssh: Path, hello: Callable[..., str]
) -> None:
    with agent(ssh, keys / "good") as where:
        (ssh / "config").write_text(f"IdentityAgent {where}\n")
        assert hello() == "hello\n"
        (ssh / "config").write_text("IdentityAgent none\n")
        with pytest.raises(InfrastructureError, match="no key to show: none in the agent"):
            hello()


@pytest.mark.parametrize("shape", [(), ("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")])  # fmt: skip
def test_an_encrypted_key_is_named(
    shape: tuple[str, ...], ssh: Path, hello: Callable[..., str]
) -> None:
    keygen(ssh / "id_rsa", *(shape or ("-t", "ed25519")), passphrase="secret")
    with pytest.raises(
        InfrastructureError, match=r"id_rsa: the key is encrypted: ssh-add .*id_rsa"
    ):
        hello()


def test_local_causes_are_told_from_the_boards(
    keys: Path, ssh: Path, hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(ssh / "gone"))
    with pytest.raises(InfrastructureError, match=r"no key to show: none in the agent.*ssh-keygen"):
        hello()
    with pytest.raises(InfrastructureError, match=r"no key to show: .*/missing: no such file"):
        hello(identity_file="~/missing")
    (ssh / "id_ed25519").write_text("what is this?")
    with pytest.raises(InfrastructureError, match=r"id_ed25519: not a private key of type RSA"):
        hello()
    copy(keys / "other", ssh / "id_ed25519")
    with pytest.raises(InfrastructureError, match=r"refused our key \(.*id_ed25519 ssh-ed25519 SHA256:.*ssh-copy-id -p \d+ "):  # fmt: skip
        hello()


OPEN = r"no key to show: .*/id_ed25519: permissions {:04o} are too open: chmod 600 .*/id_ed25519$"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604, 0o602, 0o777])
def test_a_key_that_others_may_read_or_change_is_refused(
    mode: int, keys: Path, ssh: Path, hello: Callable[..., str]
) -> None:
    key = copy(keys / "good", ssh / "id_ed25519")
    key.chmod(mode)
    with pytest.raises(InfrastructureError, match=OPEN.format(mode)):
        hello()
    command = ["ssh-keygen", "-y", "-P", "", "-f", str(key)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"Permissions {mode:04o}" in judged.stderr  # ssh says the same
    key.chmod(0o600)
    assert hello() == "hello\n"


def test_the_inventorys_open_key_is_an_error_and_others_are_passed_over(
    keys: Path, ssh: Path, hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = copy(keys / "other", ssh / "id_ed25519")
    key.chmod(0o644)
    with agent(ssh, keys / "good") as where:
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        assert hello() == "hello\n"
        with pytest.raises(InfrastructureError, match=OPEN.format(0o644)):
            hello(identity_file=str(key))
    with agent(ssh, keys / "other1") as where:
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        with pytest.raises(InfrastructureError, match=r"not tried: .* are too open"):
            hello()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_owner_is_not_judged(
    keys: Path, ssh: Path, hello: Callable[..., str]
) -> None:
    key = copy(keys / "good", ssh / "id_ed25519")
    key.chmod(0o644)
    os.chown(key, 1, 1)
    assert hello() == "hello\n"


def test_includes_are_followed(keys: Path, ssh: Path, hello: Callable[..., str]) -> None:
    copy(keys / "good", ssh / "good")
    (ssh / "conf.d").mkdir()
    (ssh / "config").write_text("Host no\n Include bad\nHost *\nInclude conf.d/* none/*\nUser x\n")
    (ssh / "bad").write_text("Port 1\n")
    (ssh / "conf.d" / "10").write_text(f"Host pi\n HostName 127.0.0.1\n Include {ssh}/deeper\n")
    (ssh / "deeper").write_text("IdentityFile ~/.ssh/good\n")
    assert hello(host="pi") == "hello\n"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("Host pi\n Port 22x\n", r"config, line 2: Port '22x'; a number from 1 to 65535"),
        ("Host pi\nnonsense\n", r"config, line 2: 'nonsense' is no keyword"),
        ('Host "pi\n', r"config, line 1: .*pi"),
        ("Match all host x\n", r"config, line 1: Match does not allow 'all'"),
        ("Include config\n", r"config: more than 16 files include each other"),
        ("ProxyJump a:b:c\n", r"ProxyJump 'a:b:c': wanted is \[user@\]host\[:port\]"),
        ("Host a\n ProxyJump pi\nHost pi\n ProxyJump a\n", r"more than 8 ProxyJumps: a circle"),
    ],
)
def test_a_broken_configuration_is_named(
    config: str, message: str, ssh: Path, hello: Callable[..., str]
) -> None:
    (ssh / "config").write_text(config)
    with pytest.raises(ConfigError, match=f"device bench: .*{message}"):
        hello(host="pi")


def test_an_account_without_a_name(
    hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    with pytest.raises(ConfigError, match=r"has a number .* and no name: set the variable USER"):
        hello()


RELAY = """
import os, socket, sys, threading
server = socket.create_connection(sys.argv[1:])
def upwards():
    try:
        while data := os.read(0, 65536):
            server.sendall(data)
    finally:  # also where the client is gone: nothing else ends it
        os._exit(0)
threading.Thread(target=upwards, daemon=True).start()
while data := server.recv(65536):
    os.write(1, data)
"""
"""Of a ProxyCommand: standard input and output to an address, and back."""


@pytest.mark.parametrize("way", ["jump", "command"])
def test_a_board_behind_another_host(  # noqa: PLR0917 - fixtures
    way: str,
    keys: Path,
    ssh: Path,
    server: Server,
    inventory: Callable[..., Inventory],
    tmp_path: Path,
) -> None:
    copy(keys / "good", ssh / "id_ed25519")
    with serve(tmp_path / "bastion", keys / "good") as bastion:
        if way == "jump":
            hop = f"Host far\n ProxyJump {USER}@bastion\n"
            hop += f"Host bastion\n HostName 127.0.0.1\n Port {bastion.port}\n"
        else:
            (ssh / "nc.py").write_text(RELAY)
            hop = "Host far\n ProxyCommand python3 ~/.ssh/nc.py 127.0.0.1 %p | cat\n"
        (ssh / "config").write_text(f"{hop}Host far\n HostName 127.0.0.1\n Port {server.port}\n")
        farm = inventory(bench=server.entry(host="far", port=0))
        with pytest.raises(InfrastructureError, match="not pinned"), reach("bench", farm, tmp_path):
            pass
        asked: list[str] = []
        assert enroll(farm, "bench", lambda text: not asked.append(text))
        assert len(asked) == (2 if way == "jump" else 1)
        with reach("bench", farm, tmp_path) as host:
            assert host.run(["echo", "hello"]).stdout == "hello\n"
    if way == "jump":
        with (
            pytest.raises(InfrastructureError, match=r"device bench by its jump host \(.*sshd run"),
            reach("bench", farm, tmp_path),
        ):
            pass


def test_a_proxy_command_that_fails_has_the_last_word(ssh: Path, hello: Callable[..., str]) -> None:
    (ssh / "config").write_text("ProxyCommand echo no way out >&2; exit 1\n")
    with pytest.raises(InfrastructureError, match="ProxyCommand says: no way out"):
        hello()


@pytest.mark.parametrize(
    "config",
    [
        "Host *\r\n\tHOSTNAME = 127.0.0.1\r\n\tIDENTITYFILE\t~/.ssh/good\r\n",
        f"User nobody\nHost other\n User x\nMatch originalhost pi user {USER}\n Port 1\n",
        "Match exec true\n HostName 127.0.0.1\nMatch exec '! test %h = 127.0.0.1'\n Port 1\nMatch all\n",
        "Include none\nInclude ~/.ssh/none/*.conf\nInclude '~/.ssh/a b'\n",
        "Host !pi *\n Port 1\nHost ?i\n HostName 127.0.0.1\n IdentitiesOnly yes\n IdentityFile ~/.ssh/good\n",
        "SendEnv LANG\nCiphers +aes128-cbc\nServerAliveInterval 5\nControlMaster auto\nControlPath ~/.ssh/%C\nStrictHostKeyChecking yes\n",
    ],
)  # fmt: skip
def test_odd_configurations_are_borne(
    config: str, keys: Path, ssh: Path, hello: Callable[..., str]
) -> None:
    copy(keys / "good", ssh / "good")
    (ssh / "a b").write_text("IdentityFile ~/.ssh/good\n")
    (ssh / "config").write_bytes(
        f"{config}Host *\nHostName 127.0.0.1\nIdentityFile ~/.ssh/good\n".encode()
    )
    assert hello(host="pi") == "hello\n"


def test_an_agents_key_is_chosen_by_a_closed_file(
    keys: Path, ssh: Path, hello: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = copy(keys / "encrypted", ssh / "closed")
    opened = copy(keys / "encrypted", ssh / "opened")
    open_key(opened)
    with agent(ssh, *(keys / f"other{number}" for number in range(7)), opened) as where:
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        assert hello(identity_file=f"{closed}.pub") == "hello\n"
        Path(f"{closed}.pub").unlink()  # the private file shows its public half
        (ssh / "config").write_text(f"IdentityFile {closed}\nIdentitiesOnly yes\n")
        assert hello() == "hello\n"


def test_a_certificate(
    keys: Path, ssh: Path, inventory: Callable[..., Inventory], tmp_path: Path
) -> None:
    authority = keygen(tmp_path / "authority")
    key = copy(keys / "other", ssh / "id_ed25519")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", USER, f"{key}.pub"]
    subprocess.run(sign, check=True)
    options = f"TrustedUserCAKeys {authority}.pub"
    with serve(tmp_path / "server", keys / "good", options=options) as server:
        farm = inventory(bench=server.entry())
        server.trust(farm.known_hosts)
        with reach("bench", farm, tmp_path) as host:
            assert host.run(["echo", "hello"]).stdout == "hello\n"


def test_a_jump_host_for_all_hosts_is_not_its_own(
    keys: Path, ssh: Path, server: Server, inventory: Callable[..., Inventory], tmp_path: Path
) -> None:
    copy(keys / "good", ssh / "id_ed25519")
    (ssh / "config").write_text("Host *\n ProxyJump 127.0.0.1\n")
    farm = inventory(bench=server.entry())
    server.trust(farm.known_hosts)
    with reach("bench", farm, tmp_path) as host:
        assert host.run(["echo", "hello"]).stdout == "hello\n"


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_host_keys(
    kind: str, keys: Path, ssh: Path, inventory: Callable[..., Inventory], tmp_path: Path
) -> None:
    copy(keys / "good", ssh / "id_ed25519")
    more = keygen(tmp_path / kind, "-t", kind)
    with serve(tmp_path / "server", keys / "good", options=f"HostKey {more}") as server:
        farm = inventory(bench=server.entry())
        public = " ".join(Path(f"{more}.pub").read_text().split()[:2])
        known = f"# mine\nbroken line\n\n[127.0.0.1]:{server.port} {public}\n"
        farm.known_hosts.write_text(known)  # the server has an Ed25519 key as well, not pinned
        with reach("bench", farm, tmp_path) as host:
            assert host.run(["echo", "hello"]).stdout == "hello\n"


def test_a_configuration_that_is_no_file(ssh: Path, hello: Callable[..., str]) -> None:
    (ssh / "config").mkdir()
    with pytest.raises(ConfigError, match=r"device bench: .*config: Is a directory"):
        hello()
    (ssh / "config").rmdir()
    (ssh / "config").write_bytes(b"Host \xe9\n")
    with pytest.raises(ConfigError, match=r"device bench: .*config: .*utf-8"):
        hello()
