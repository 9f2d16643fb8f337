"""What a check says of SFTP and of meters: real servers, files as the kernel has them, a plug on loopback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.farm.connection import Host
from edgebnn.farm.equipment import metered
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.reach import reach
from edgebnn.farm.tables import check_all
from tests.energy.plug_server import plug_server
from tests.energy.test_rpi5_pmic import PRINTED, WATTS
from tests.farm.boards import Board, farm_of
from tests.farm.sshd import needs_sshd, serve
from tests.farm.test_metering import shelly

SFTP = shutil.which(
    "sftp-server", path="/usr/lib/openssh:/usr/lib/ssh:/usr/libexec:/usr/libexec/openssh"
)


@needs_sshd
@pytest.mark.skipif(SFTP is None, reason="no sftp-server (openssh-sftp-server)")
@pytest.mark.parametrize(
    ("options", "login", "there"),
    [
        (f"Subsystem sftp {SFTP}", "", True),
        (f"Subsystem sftp {SFTP}", "echo welcome", False),  # it speaks before the server does
        ("Subsystem sftp /none", "", False),
        ("", "", False),
    ],
)
def test_sftp_is_seen(  # noqa: PLR0917 - fixtures
    options: str,
    login: str,
    there: bool,
    keys: Path,
    inventory: Callable[..., Inventory],
    tmp_path: Path,
) -> None:
    with serve(tmp_path / "board", keys / "good", options=options, login=login) as server:
        farm = inventory(one=server.entry(identity_file=str(keys / "good")))
        server.trust(farm.known_hosts)
        with reach("one", farm, tmp_path) as host:
            assert host.has_sftp() == there
            assert host.run(["echo", "hello"]).stdout == "hello\n"


def meter(**keys: Any) -> Any:
    return Device.model_validate({"kind": "virtual", "meter": keys}).meter


def sensor(folder: Path, microwatts: object) -> Any:
    """A meter that reads a file as the kernel's of an INA219."""
    place = folder / "hwmon" / "hwmon0"
    place.mkdir(parents=True)
    (place / "name").write_text("ina219\n")
    (place / "power1_input").write_text(f"{microwatts}\n")
    return meter(kind="hwmon", sensor="ina219", root=str(place.parent))


def test_no_meter_and_one_that_is_declared(host: Host) -> None:
    assert metered(host, None).text == "no meter"
    found = metered(host, meter(kind="declared", idle_w=1.9, load_w=3.7))
    assert (found.level, found.text) == ("ok", "meter declared gives 3.70 W by declaration")


@pytest.mark.parametrize(
    ("microwatts", "level", "text"),
    [
        (5_250_000, "ok", "meter hwmon gives 5.25 W"),
        (-1, "warning", "meter hwmon, sensor ina219: .*power1_input says '-1'; wanted is power"),
        ("\x1b[2J", "warning", "meter hwmon, sensor ina219: .* says ''; wanted is"),
    ],
)
def test_a_sensor(microwatts: object, level: str, text: str, host: Host, tmp_path: Path) -> None:
    found = metered(host, sensor(tmp_path, microwatts))
    assert found.level == level
    assert re.match(text, found.text), found.text


def test_a_sensor_that_is_not_there(host: Host, tmp_path: Path) -> None:
    found = metered(host, meter(kind="hwmon", sensor="ina219", root=str(tmp_path)))
    assert found.level == "warning"
    assert "no such sensor" in found.text


def test_a_counter_that_stands_still(host: Host, tmp_path: Path) -> None:
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, value in (("name", "package-0"), ("energy_uj", 7), ("max_energy_range_uj", 99)):
        (zone / name).write_text(f"{value}\n")
    found = metered(host, meter(kind="rapl", root=str(tmp_path)))
    assert found.level == "warning"
    assert "stands still" in found.text


def test_a_plug(host: Host) -> None:
    with plug_server(shelly(lambda: 4.5)) as plug:
        asked = meter(kind="shelly", address=plug.address, interval_s=0.05)
        found = metered(host, asked)
        assert (found.level, found.text) == ("ok", "meter shelly gives 4.50 W")
    found = metered(host, asked)
    assert found.level == "warning"
    assert found.text.startswith(f"meter shelly at {plug.address}, channel 0: ")


def test_a_check_shows_both_unless_another_works_there(one: Board, tmp_path: Path) -> None:
    (one.home / "bin").mkdir()
    (one.home / "printed").write_text(PRINTED)
    program = one.home / "bin" / "vcgencmd"
    program.write_text(
        '#!/bin/sh\nif test "$1" = get_throttled; then echo throttled=0x0; else cat printed; fi\n'
    )
    program.chmod(0o755)
    farm = farm_of(tmp_path, [one], meter={"kind": "rpi5-pmic"})

    def texts() -> list[str]:
        checked = check_all(farm, tmp_path / "virtual", tmp_path / "none")["b0"]
        return [found.text for found in checked.findings]

    found = texts()
    assert "no SFTP; none is needed" in found
    assert f"meter rpi5-pmic gives {WATTS:.2f} W" in found
    with reach("b0", farm, tmp_path) as host, lease(host, "a job"):
        found = texts()
        assert [text for text in found if text.startswith("busy: a job, ")]
        assert not [text for text in found if "SFTP" in text or "meter" in text]
