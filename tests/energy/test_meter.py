"""What all meters have in common, and the declared one."""

from pydantic import TypeAdapter

from edgebnn.energy import MeterConfig, hwmon, shelly
from edgebnn.energy.declared import Config


def test_the_declared_meter_is_a_constant_trace() -> None:
    trace = Config(kind="declared", idle_w=1.5, load_w=4.0).trace(10.0, 18.0)
    assert trace.joules([10, 11], [18, 13]).tolist() == [32.0, 8.0]
    assert trace.source == "estimated"


def test_a_few_readings_may_be_missing_before_there_is_a_gap() -> None:
    assert shelly.Config(kind="shelly", address="plug").longest_gap_s == 5
    assert hwmon.Config(kind="hwmon", sensor="ina219").longest_gap_s == 0.5


def test_a_meter_is_found_by_its_kind() -> None:
    found = TypeAdapter(MeterConfig).validate_python(
        {"kind": "declared", "idle_w": 1.5, "load_w": 4}
    )
    assert isinstance(found, Config)
