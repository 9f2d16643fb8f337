"""The inventory: what may stand in it, and how mistakes are told."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError
from edgebnn.farm.inventory import Inventory, load_inventory
from edgebnn.farm.tables import listing

BOARD = {"host": "10.0.0.9", "board": "rpi3b+", "target": "aarch64-linux"}


def test_a_virtual_device_needs_to_say_nothing(inventory: Callable[..., Inventory]) -> None:
    found = inventory(one={"kind": "virtual"}, bench=BOARD)
    assert set(found.boards()) == {"virtual", "rpi3b+"}
    assert list(found.on_board("virtual")) == ["one"]
    assert found.targets() == {"virtual": ["native"], "rpi3b+": ["aarch64-linux"]}
    device = found.device("one")
    assert (device.target, device.port, device.meter, device.emulator) == ("native", 0, None, [])
    assert not found.device("bench").virtual
    assert found.device("bench").emulator == []
    assert found.known_hosts == found.path.parent / "known_hosts"


def test_a_virtual_device_of_another_architecture_is_emulated(
    inventory: Callable[..., Inventory],
) -> None:
    found = inventory(
        a={"kind": "virtual", "board": "arm", "target": "aarch64-linux"},
        b={"kind": "virtual", "target": "armv7-linux"},
        c={"kind": "virtual", "target": "armv6-linux"},
    )
    assert found.device("a").emulator == ["qemu-aarch64"]
    assert found.device("b").emulator == ["qemu-arm"]
    assert found.device("c").emulator == ["qemu-arm", "-cpu", "arm1176"]


def test_the_python_of_a_baseline(inventory: Callable[..., Inventory]) -> None:
    found = inventory(a=BOARD, b={**BOARD, "python": "~/tf/bin/python"}, c={"kind": "virtual"})
    programs = [found.device(name).python_program for name in "abc"]
    assert programs == ["python3", "~/tf/bin/python", sys.executable]


def test_limits_are_options_of_the_measuring_program(inventory: Callable[..., Inventory]) -> None:
    found = inventory(a=BOARD, b={**BOARD, "memory_limit_mib": 900, "time_limit_min": 90})
    a, b = found.device("a"), found.device("b")
    assert (a.memory_limit, a.time_limit) == ([], [])
    assert (b.memory_limit, b.time_limit) == (["--memory-limit", "900"], ["--time-limit", "5400"])


def test_waits_have_defaults_and_may_be_0(tmp_path: Path) -> None:
    path = tmp_path / "farm.yaml"
    path.write_text("devices: {a: {kind: virtual}}")
    found = load_inventory(path)
    assert (found.patience_min, found.device("a").fetch_checkpoint_min) == (5, 10)
    path.write_text("patience_min: 0\ndevices: {a: {kind: virtual, fetch_checkpoint_min: 0}}")
    found = load_inventory(path)
    assert (found.patience_min, found.device("a").fetch_checkpoint_min) == (0, 0)
    path.write_text("patience_min: -1\ndevices: {a: {kind: virtual}}")
    with pytest.raises(ConfigError, match=r"farm\.yaml: line 1: patience_min: Input should be gr"):
        load_inventory(path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({k: v for k, v in BOARD.items() if k != "host"}, "devices.x.host: Field required"),
        ({k: v for k, v in BOARD.items() if k != "board"}, "devices.x.board: Field required"),
        ({k: v for k, v in BOARD.items() if k != "target"}, "devices.x.target: Field required"),
        ({**BOARD, "hots": "h"}, "devices.x.hots: unknown key (did you mean 'host'?)"),
        ({**BOARD, "target": "riscv"}, "devices.x.target: Input should be 'native'"),
        ({**BOARD, "port": 70000}, "devices.x.port: Input should be less than 65536"),
        ({**BOARD, "port": True}, "devices.x.port: a whole number is wanted"),
        ({**BOARD, "threads": "2"}, "devices.x.threads: a whole number is wanted"),
        ({"kind": "virtual", "meter": {"kind": "declared", "idle_w": "2", "load_w": 3}}, "devices.x.meter.idle_w: a number is wanted"),
        ({**BOARD, "host": "-oProxyCommand=x"}, "devices.x.host: String should match"),
        ({**BOARD, "python": "python3 -S"}, "devices.x.python: String should match"),
        ({**BOARD, "memory_limit_mib": 15}, "devices.x.memory_limit_mib: Input should be greater than or equal to 16"),
        ({**BOARD, "memory_limit_mib": "900"}, "devices.x.memory_limit_mib: a whole number is wanted"),
        ({**BOARD, "time_limit_min": 0}, "devices.x.time_limit_min: Input should be greater than or equal to 1"),
        ({**BOARD, "time_limit_min": 1.5}, "devices.x.time_limit_min: a whole number is wanted"),
        ({**BOARD, "fetch_checkpoint_min": -1}, "devices.x.fetch_checkpoint_min: Input should be greater than or equal to 0"),
        ({**BOARD, "python": "-c"}, "devices.x.python: String should match"),
        ({**BOARD, "user": "a b"}, "devices.x.user: String should match"),
        ({**BOARD, "password": "x"}, "devices.x.password: unknown key"),
        ({"kind": "virtul"}, "devices.x.kind: Input should be 'board' or 'virtual'"),
        ({"kind": "virtual", "host": "h"}, "devices.x.host: a virtual device is started"),
        ({"kind": "virtual", "meter": {"kind": "declred", "idle_w": 1, "load_w": 2}}, "devices.x.meter: unknown kind 'declred' (did you mean 'declared'?); kinds are declared, hwmon, "),
        ({"kind": "virtual", "meter": {"idle_w": 1, "load_w": 2}}, "devices.x.meter: 'kind' is missing"),
        ({**BOARD, "meter": {"kind": "hwmon"}}, "devices.x.meter.sensor: Field required"),
        ({**BOARD, "meter": {"kind": "hwmon", "sensor": "ina219", "intervall_s": 1}}, "devices.x.meter.intervall_s: unknown key (did you mean 'interval_s'?); keys here are kind, interval_s, "),
        ({"kind": "virtual", "meter": {"kind": "declared", "idl_w": 1, "load_w": 2}}, "devices.x.meter.idl_w: unknown key (did you mean 'idle_w'?)"),
        ({"kind": "virtual", "meter": {"kind": "declared", "idle_w": 3, "load_w": 2}}, "devices.x.meter: load_w (2.0) is below idle_w (3.0)"),
    ],
)  # fmt: skip
def test_mistakes_name_file_and_key(
    inventory: Callable[..., Inventory], tmp_path: Path, entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        inventory(x=entry)
    lines = str(caught.value).splitlines()
    place = rf"{tmp_path}/farm\.yaml: line [2-9]\d?: {re.escape(message)}"
    assert any(re.match(place, line) for line in lines), lines


def test_a_wrong_kind_is_one_message(inventory: Callable[..., Inventory]) -> None:
    with pytest.raises(ConfigError) as caught:
        inventory(x={"kind": "virtul"})
    assert len(str(caught.value).splitlines()) == 1


def test_names_become_paths_and_are_checked(inventory: Callable[..., Inventory]) -> None:
    with pytest.raises(ConfigError, match="a name is of letters"):
        inventory(**{"../x": {"kind": "virtual"}})


def test_two_virtual_devices_cannot_share_a_port(inventory: Callable[..., Inventory]) -> None:
    with pytest.raises(ConfigError, match=r"devices\.b\.port: 2222 is the port of 'a' too"):
        inventory(a={"kind": "virtual", "port": 2222}, b={"kind": "virtual", "port": 2222})


def test_an_unknown_device_has_a_nearest_name(inventory: Callable[..., Inventory]) -> None:
    with pytest.raises(ConfigError, match=r"no device 'bnch' \(did you mean 'bench'\?\)"):
        inventory(bench=BOARD).device("bnch")


def test_no_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        load_inventory(tmp_path / "none.yaml")


def test_the_listing_shows_every_device(inventory: Callable[..., Inventory]) -> None:
    from rich.console import Console

    console = Console(record=True, width=200)
    meter = {"kind": "declared", "idle_w": 1.9, "load_w": 3.7}
    sensor = {"kind": "hwmon", "sensor": "ina219"}
    devices = {"one": {"kind": "virtual"}, "bench": {**BOARD, "meter": meter}}
    console.print(listing(inventory(**devices, two={**BOARD, "meter": sensor})))
    text = console.export_text()
    for word in (
        "one",
        "127.0.0.1, any port",
        "bench",
        "10.0.0.9",
        "declared idle_w 1.9 load_w 3.7",
        "hwmon sensor ina219",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("pi.local:2222", "a port belongs under `port`"),
        ("[fe80::1]:22", "a port belongs under `port`"),
        ("pi@pi.local", "an account belongs under `user`"),
        ("ssh://pi.local", "no URL"),
    ],
)
def test_a_host_is_a_host_alone(
    host: str, message: str, inventory: Callable[..., Inventory]
) -> None:
    board = {"host": host, "board": "bench", "target": "native"}
    with pytest.raises(ConfigError, match=rf"farm\.yaml: line \d: devices\.pi\.host: .*{message}"):
        inventory(pi=board)
    assert inventory(pi={**board, "host": "fe80::1%eth0"}).device("pi").host == "fe80::1%eth0"
