"""Lines of known_hosts that take trust away, or would give it to certificates."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.farm.address import Address
from edgebnn.farm.connection import connect
from edgebnn.farm.enroll import enroll
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.reach import reach
from edgebnn.farm.shell import shell
from tests.farm.sshd import keygen, needs_sshd, serve

OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIDThpftLus7vKMEtfcODeRTrymPBAS/njoRp+Ux19uyY"


@pytest.mark.parametrize(
    "lines",
    [
        "@revoked {name} {key}\n",
        "@revoked * {key} a comment\n",
        "@revoked elsewhere {key}\n",
        "{name} {key}\n@revoked\t{name}\t{key}\n",
        "@revoked {name} {key}\n{name} {key}\n",
        "{name} ssh-ed25519 {other}\n@revoked {name} {key}\n",
    ],
)
def test_a_revoked_key_is_refused_wherever_else_it_stands(
    lines: str, address: Address, tmp_path: Path
) -> None:
    name, key = address.known_hosts.read_text().strip().split(" ", 1)
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(lines.format(name=name, key=key, other=OTHER))
    with (
        pytest.raises(InfrastructureError, match=r"SHA256:.* is marked @revoked in .*ssh-keygen"),
        connect("one", replace(address, known_hosts=known_hosts)),
    ):
        pass


def test_another_hosts_revoked_key_and_broken_lines_are_no_hindrance(
    address: Address, tmp_path: Path
) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(
        f"# mine\n@revoked * ssh-ed25519 {OTHER}\nother ssh-ed25519 AAA\nother ssh-rsa\n@unknown x y z\n\n"
        + address.known_hosts.read_text()
    )
    with connect("one", replace(address, known_hosts=known_hosts)) as host:
        assert host.run(["echo", "hello"]).stdout == "hello\n"


@pytest.mark.parametrize("line", ["@revoked", "@revoked * ssh-ed25519 AAA"])
def test_a_revocation_that_names_no_key_is_not_passed_over(
    line: str, address: Address, tmp_path: Path
) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"{address.known_hosts.read_text().strip()}\n{line}\n")
    with (
        pytest.raises(InfrastructureError, match=r"known_hosts: line 2: wanted is @revoked"),
        connect("one", replace(address, known_hosts=known_hosts)),
    ):
        pass


def test_a_revoked_key_is_not_enrolled(
    farm_of_one: Callable[..., Inventory], tmp_path: Path
) -> None:
    farm = farm_of_one()
    known = f"@revoked * {farm.known_hosts.read_text().strip().split(' ', 1)[1]}\n"
    farm.known_hosts.write_text(known)
    with pytest.raises(InfrastructureError, match=r"device one .*is marked @revoked"):
        enroll(farm, "one", lambda text: pytest.fail("asked for a key that is revoked"))
    assert farm.known_hosts.read_text() == known


@needs_sshd
def test_a_certificate_is_not_trusted(
    keys: Path, inventory: Callable[..., Inventory], tmp_path: Path, ssh: Path
) -> None:
    """Nor by `farm shell`, which is the system's ssh."""
    authority = keygen(tmp_path / "authority")
    with serve(
        tmp_path / "device", keys / "good", options=f"HostCertificate {tmp_path}/host.pub"
    ) as server:
        (tmp_path / "host_key.pub").write_text(f"{server.host_key}\n")
        subprocess.run(
            ["ssh-keygen", "-q", "-s", authority, "-I", "board", "-h", tmp_path / "host_key.pub"],
            check=True,
        )
        (tmp_path / "host_key-cert.pub").rename(tmp_path / "host.pub")
        farm = inventory(one=server.entry(identity_file=str(keys / "good")))
        public = Path(f"{authority}.pub").read_text()
        farm.known_hosts.write_text(f"@cert-authority * {public}")
        with pytest.raises(InfrastructureError, match="not pinned"), reach("one", farm, tmp_path):
            pass
        assert shell(farm, tmp_path, "one", ["true"]) == 255
        server.trust(farm.known_hosts)
        assert shell(farm, tmp_path, "one", ["true"]) == 0
