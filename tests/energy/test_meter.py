"""Integration of power, and the declared meter."""

import pytest
from pydantic import TypeAdapter

from edgebnn.energy import MeterConfig, hwmon, shelly
from edgebnn.energy.declared import Config
from edgebnn.energy.meter import Samples
from edgebnn.errors import ConfigError


def samples(*points: tuple[float, float], idle_w: float = 1.0) -> Samples:
    seconds, watts = zip(*points, strict=True)
    return Samples(seconds=seconds, watts=watts, idle_w=idle_w, source="measured")


def test_energy_is_the_trapezoid() -> None:
    found = samples((10.0, 2.0), (12.0, 4.0), (13.0, 4.0))
    assert found.gross_j == 2 * 3.0 + 1 * 4.0
    assert found.net_j == found.gross_j - 3 * 1.0
    assert found.average_w == pytest.approx(10 / 3)


@pytest.mark.parametrize(
    "points", [((0.0, 1.0),), ((0.0, 1.0), (0.0, 1.0)), ((1.0, 1.0), (0.5, 1.0))]
)
def test_failed_readings_are_an_error_never_0(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"need two each|do not grow"):
        samples(*points)
    with pytest.raises(ValueError, match="need two each"):
        Samples(seconds=(), watts=(), idle_w=0.0, source="measured")


def test_the_declared_meter_estimates() -> None:
    meter = Config(kind="declared", idle_w=1.5, load_w=4.0).open()
    meter.start()
    found = meter.stop(8.0)
    assert (found.gross_j, found.net_j, found.average_w) == (32.0, 20.0, 4.0)
    assert found.source == "estimated"


def test_the_declared_meter_is_a_constant_trace() -> None:
    trace = Config(kind="declared", idle_w=1.5, load_w=4.0).trace(10.0, 18.0)
    assert trace.joules([10, 11], [18, 13]).tolist() == [32.0, 8.0]
    assert trace.source == "estimated"


def test_a_few_readings_may_be_missing_before_there_is_a_gap() -> None:
    assert shelly.Config(kind="shelly", address="plug").longest_gap_s == 5
    assert hwmon.Config(kind="hwmon", sensor="ina219").longest_gap_s == 0.5


def test_a_kind_that_jobs_do_not_read_yet_is_told() -> None:
    with pytest.raises(ConfigError, match="meter: kind 'hwmon' is not read by jobs"):
        hwmon.Config(kind="hwmon", sensor="ina219").open()


def test_a_meter_is_found_by_its_kind() -> None:
    found = TypeAdapter(MeterConfig).validate_python(
        {"kind": "declared", "idle_w": 1.5, "load_w": 4}
    )
    assert isinstance(found, Config)
