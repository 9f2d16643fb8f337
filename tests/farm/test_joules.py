"""What a record says of energy, from a trace of power and the stamps of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebnn.energy import declared, hwmon
from edgebnn.energy.trace import Trace
from edgebnn.errors import InfrastructureError
from edgebnn.farm.joules import SHOWN_BATCHES, SHOWN_READINGS, absent, joules, read_stamps

METER = hwmon.Config(kind="hwmon", sensor="ina219", idle_s=2.0, interval_s=0.02)


def work(batches: int = 100, seconds: float = 0.1) -> tuple[Trace, np.ndarray, np.ndarray]:
    """2 W at rest from 98 s on, 5 W at work from 100 s on, read 50 times a second."""
    begin = 100 + seconds * np.arange(batches)
    time = np.arange(98, begin[-1] + 1, 0.02)
    watts = np.where((time >= 99.99) & (time < begin[-1] + seconds + 0.01), 5.0, 2.0)
    return Trace.of_powers(time, watts, 0.5), begin, begin + seconds


def test_figures_with_their_origin() -> None:
    found = joules(METER, *work(), start_s=99.9)
    assert found.source == "measured"
    assert found.metrics["energy_per_batch_j"] == pytest.approx(0.5, rel=1e-3)
    assert found.metrics["energy_net_per_batch_j"] == pytest.approx(0.3, rel=2e-3)
    assert found.metrics["energy_gross_j"] == pytest.approx(50, rel=1e-3)
    assert found.metrics["idle_power_w"] == 2
    assert found.metrics["average_power_w"] == pytest.approx(5, rel=1e-3)
    low, high = (found.metrics[f"energy_per_batch_{end}_j"] for end in ("low", "high"))
    assert low <= found.metrics["energy_per_batch_j"] <= high
    assert found.notes == {"energy": "meter hwmon, over 2 neighbouring batches"}
    assert found.series["system/power_w"][0] == (pytest.approx(-1.9), 2)


@pytest.mark.parametrize(("batches", "seconds"), [(1, 0.5), (7, 0.01)])
def test_that_there_is_no_interval_is_told(batches: int, seconds: float) -> None:
    found = joules(METER, *work(batches, seconds), start_s=99.9)
    assert "energy_per_batch_low_j" not in found.metrics
    assert found.notes["energy"].endswith("too few batches for an interval")


def test_a_gap_is_told() -> None:
    trace, begin, end = work()
    whole = (trace.end_s < 101) | (trace.begin_s > 101.25)
    parts = (trace.begin_s, trace.end_s, trace.begin_w, trace.end_w)
    found = joules(METER, Trace(*(part[whole] for part in parts)), begin, end, start_s=99.9)
    assert found.notes["energy"].endswith("4 of 100 batches left out: gaps")
    assert found.metrics["energy_batches"] == 96


def test_without_an_idle_window_nothing_is_net() -> None:
    found = joules(METER.model_copy(update={"idle_s": 0.0}), *work(), start_s=99.9)
    assert not [name for name in found.metrics if "net" in name or "idle" in name]
    assert "idle power not known" in found.notes["energy"]


def test_declared_watts_are_an_estimate() -> None:
    meter = declared.Config(kind="declared", idle_w=1.5, load_w=4.0)
    _, begin, end = work(10, 0.5)
    found = joules(meter, meter.trace(begin[0], end[-1]), begin, end, start_s=99.9)
    assert found.source == "estimated"
    assert found.metrics["energy_per_batch_j"] == pytest.approx(2)
    assert found.metrics["energy_net_per_batch_j"] == pytest.approx(1.25)
    assert "energy_per_batch_low_j" not in found.metrics
    assert found.notes["energy"].startswith("estimated: the watts of meter declared")


@pytest.mark.parametrize(("batches", "seconds"), [(1, 0.5), (7, 0.1), (5000, 0.05)])
def test_the_picture_is_of_the_middle_batches(batches: int, seconds: float) -> None:
    found = joules(METER, *work(batches, seconds), start_s=99.9)
    shown, power = found.tables["batches"], found.tables["power"]
    assert len(shown) == min(batches, SHOWN_BATCHES)
    assert shown[0]["batch"] == max(0, (batches - SHOWN_BATCHES) // 2) + 1
    assert shown[0]["begin_s"] == 0
    assert 2 <= len(power) <= SHOWN_READINGS + 2
    assert float(power[0]["second"]) <= 0
    assert float(power[-1]["second"]) >= float(shown[-1]["end_s"])
    assert found.files["power"][1].startswith(
        b"begin_s,end_s,begin_w,end_w\n98.000000,98.020000,2.0"
    )


def test_a_meter_that_failed_is_told() -> None:
    assert absent("plug: no answer").notes == {"energy": "absent: plug: no answer"}
    assert absent("plug: no answer").metrics == {}


@pytest.mark.parametrize(
    "text",
    ["1.0\n", "1.0 2.0 3.0\n", "begin end\n", "1.0 2.0\n3.0\n", "1.0 2.0\n1.5 3.0\n", "2.0 2.0\n"],
)
def test_stamps_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stamps.txt"
    path.write_text(text)
    with pytest.raises(InfrastructureError, match=r"stamps\.txt of the device"):
        read_stamps(path)


def test_stamps(tmp_path: Path) -> None:
    path = tmp_path / "stamps.txt"
    path.write_text("1.500000 2.000000\n2.000000 2.250000\n")
    begin, end = read_stamps(path)
    assert (begin.tolist(), end.tolist()) == ([1.5, 2], [2, 2.25])
    path.write_text("")
    begin, end = read_stamps(path)
    assert (begin.size, end.size) == (0, 0)
