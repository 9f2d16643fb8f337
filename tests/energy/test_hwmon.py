"""The hwmon meter, against folders as the kernel's drivers lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edgebnn.energy.hwmon import CURRENT, POWER, VOLTAGE, Config
from edgebnn.errors import ConfigError, InfrastructureError
from tests.energy.sysfs import ask, sampled, write

INA219 = {
    "name": "ina219",
    "in0_input": 6,  # the shunt's voltage
    "in1_input": 5088,
    "curr1_input": 612,
    "power1_input": 3120000,
    "shunt_resistor": 100000,
    "update_interval": 1,
}
INA3221 = {
    "name": "ina3221",
    "in1_input": 5040, "curr1_input": 480,
    "in2_input": 3296, "curr2_input": 1000,
    "in1_label": "VDD_IN",
}  # fmt: skip
CPU = {"name": "cpu_thermal", "temp1_input": 48312}


def config(folder: Path, **keys: object) -> Config:
    given = {"kind": "hwmon", "root": str(folder), "sensor": "ina219"}
    return Config.model_validate({**given, **keys})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The board's sensors: its processor's temperature, an INA219 at 0x40, an INA3221."""
    root = tmp_path / "class" / "hwmon"
    write(root / "hwmon0", CPU)
    write(root / "hwmon1", INA219)
    write(root / "hwmon2", INA3221)
    for number, place in ((1, "1-0040"), (2, "1-0041")):
        device = tmp_path / "devices" / "i2c-1" / place
        device.mkdir(parents=True)
        (root / f"hwmon{number}" / "device").symlink_to(device)
    return root


def power(*microwatts: object, step_s: float = 0.1) -> list[dict[str, object]]:
    return [{"time_s": 50 + n * step_s, POWER: str(uw)} for n, uw in enumerate(microwatts)]


def test_power_is_read_in_microwatts(root: Path) -> None:
    meter = config(root, interval_s=0.5)
    sources = meter.sources(ask)
    assert sources.files == {POWER: str(root / "hwmon1" / "power1_input")}
    assert (sources.interval_s, sources.commands) == (0.5, {})
    trace = meter.trace(sampled(sources, [10.0, 10.5, 11.0]))
    assert trace.joules(10, 11) == pytest.approx([3.12])
    assert trace.source == "measured"


def test_without_power_it_is_voltage_times_current(root: Path) -> None:
    meter = config(root, sensor="ina3221", channel=2)
    sources = meter.sources(ask)
    assert sources.files == {
        VOLTAGE: str(root / "hwmon2" / "in2_input"),
        CURRENT: str(root / "hwmon2" / "curr2_input"),
    }
    assert meter.trace(sampled(sources, [1.0, 1.25])).joules(1, 1.25) == pytest.approx([3.296 / 4])


@pytest.mark.parametrize("named", ["ina219", "1-0040", "supply of the board"])
def test_a_sensor_is_named_by_driver_place_or_label(root: Path, named: str) -> None:
    write(root / "hwmon1", {"label": "supply of the board"})
    assert str(root / "hwmon1") in config(root, sensor=named).sources(ask).files[POWER]


def test_a_sensor_that_is_not_there_is_told_with_those_that_are(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config(root, sensor="ina226").sources(ask)
    assert str(caught.value) == (
        f"meter hwmon, sensor ina226: no such sensor; {root} has hwmon0: cpu_thermal; "
        "hwmon1: ina219, 1-0040; hwmon2: ina3221, 1-0041"
    )


def test_a_board_without_sensors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such sensor; .* has none$"):
        config(tmp_path / "nothing").sources(ask)


def test_two_of_a_kind_are_named_by_their_place(root: Path) -> None:
    write(root / "hwmon2", INA219)
    with pytest.raises(
        ConfigError, match=r"2 sensors are called so: name one by its place.*1-0041"
    ):
        config(root).sources(ask)
    assert "hwmon2" in config(root, sensor="1-0041").sources(ask).files[POWER]


def test_a_channel_that_is_not_there_is_told_with_the_inputs_that_are(root: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"channel: .*neither power3_input nor both in3_input and curr3_input; it has curr1_input, in0_input, in1_input, power1_input$",
    ):
        config(root, channel=3).sources(ask)
    with pytest.raises(ConfigError, match=r"it has no input$"):
        config(root, sensor="cpu_thermal").sources(ask)


@pytest.mark.parametrize("text", ["3.12", "", "3120000000", "-5000000", "nan", "N/A"])
def test_nonsense_is_told_before_the_job(root: Path, text: str) -> None:
    write(root / "hwmon1", {"power1_input": text})
    with pytest.raises(ConfigError) as caught:
        config(root).sources(ask)
    assert f"power1_input says '{text}'; wanted is power from 0 to 100 W" in str(caught.value)


def test_what_cannot_be_read_is_told_before_the_job(root: Path) -> None:
    (root / "hwmon1" / "power1_input").unlink()
    (root / "hwmon1" / "power1_input").mkdir()  # even root cannot read it as a file
    with pytest.raises(ConfigError, match=r"power1_input cannot be read: Is a directory"):
        config(root).sources(ask)


def test_most_w_says_what_is_nonsense(root: Path) -> None:
    write(root / "hwmon1", {"power1_input": 250_000_000})
    assert config(root, most_w=300).sources(ask).files


def test_a_failed_reading_is_a_gap_never_0(root: Path) -> None:
    """Disconnected from 50.3 s to 51.5 s, and once nonsense: the rest is whole."""
    lines = power(*["2000000"] * 20)
    for line in lines[4:15]:
        del line[POWER]
    lines[17][POWER] = "-3000000"
    trace = config(root).trace(lines)
    assert trace.covered.round(9).tolist() == [[50, 50.3], [51.5, 51.9]]
    assert trace.joules(50, 50.3) == pytest.approx([0.6])


def test_lines_of_other_things_are_passed_over(root: Path) -> None:
    other: list[dict[str, object]] = [
        {"time_s": 49.0, "temperature_c": "48.3"},
        {"pss_bytes": "4"},
        {},
    ]
    lines = power("2000000", "4000000")
    assert config(root).trace([*other, *lines, *other]).joules(50, 50.1) == pytest.approx([0.3])


def test_more_nonsense_than_sense_is_an_error_with_examples(root: Path) -> None:
    """Milliwatts where microwatts belong read as next to nothing; watts as text do not read at all."""
    lines = power("2.5", "2.75", "3000000", "2.5", "3.0")
    with pytest.raises(InfrastructureError) as caught:
        config(root).trace(lines)
    assert str(caught.value) == (
        "meter hwmon, sensor ina219: 4 of 5 readings failed: '2.5'; '3.0'; wanted is power "
        "from 0 to 100 W (key most_w), in whole microwatts, or whole millivolts and milliamperes"
    )


@pytest.mark.parametrize("lines", [[], [{"time_s": 1.0}], [{"time_s": 1.0, "pss_bytes": "1"}]])
def test_no_reading_at_all_is_an_error(root: Path, lines: list[dict[str, object]]) -> None:
    with pytest.raises(InfrastructureError, match="nothing could be read"):
        config(root).trace(lines)


def test_times_that_make_no_sense_are_no_readings(root: Path) -> None:
    lines = power(*["1000000"] * 5)
    lines[1]["time_s"], lines[2]["time_s"] = "50.1", 49.0
    assert config(root).trace(lines).covered.round(9).tolist() == [[50, 50.4]]
    for line in lines:
        line["time_s"] = None
    with pytest.raises(InfrastructureError, match="5 of 5 readings failed: time_s None"):
        config(root).trace(lines)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"interval_s": 0.001}, "0.01"), ({"interval_s": 61}, "60"), ({"interval_s": "1"}, "number"),
        ({"idle_s": -1}, "0"), ({"most_w": 0}, "0"), ({"channel": 65}, "64"), ({"root": "sys"}, "pattern"),
        ({"sensor": ""}, "pattern"), ({"channel": True}, "integer"), ({"chanel": 1}, "not permitted"),
    ],
)  # fmt: skip
def test_keys_are_checked(tmp_path: Path, keys: dict[str, object], wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted):
        config(tmp_path, **keys)
