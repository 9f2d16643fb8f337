"""Meters on the board through the real `edgebnn-measure`: from its files to watts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.energy import hwmon, rpi5_pmic
from edgebnn.energy.batches import batch_energy
from edgebnn.energy.meter import OnBoard, Sources
from tests.energy.sysfs import ask, write
from tests.energy.test_rpi5_pmic import PRINTED, WATTS, pi5


def samples(
    measure: Path, sources: Sources, folder: Path, *command: str
) -> list[dict[str, object]]:
    """What it writes while a command runs, after 1 s of rest."""
    read = [f"--read={name}={path}" for name, path in sources.files.items()]
    asked = [f"--ask={name}={' '.join(words)}" for name, words in sources.commands.items()]
    options = [word for option in (*read, *asked) for word in option.split("=", 1)]
    file = folder / "samples.jsonl"
    subprocess.run(
        [measure, "--output", folder / "m.json", "--samples", file, "--idle", "1",
         "--interval", str(sources.interval_s), *options, "--", *command],
        check=True,
    )  # fmt: skip
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is: no gap between readings."""
    monkeypatch.setattr(OnBoard, "longest_gap_s", 3600.0)


@pytest.mark.usefixtures("patient")
def test_a_sensors_files(built: Callable[[str], Path], tmp_path: Path) -> None:
    """2 W at rest, then 3 W: the command itself moves the sensor."""
    measure = built("native") / "edgebnn-measure"
    sensor = write(tmp_path / "hwmon" / "hwmon0", {"name": "ina219", "power1_input": 2_000_000})
    meter = hwmon.Config(
        kind="hwmon", sensor="ina219", root=str(tmp_path / "hwmon"), interval_s=0.01
    )
    work = f"sleep 0.2; printf 3 | dd of={sensor}/power1_input conv=notrunc status=none; sleep 0.4"
    lines = samples(measure, meter.sources(ask), tmp_path, "sh", "-c", work)
    start = json.loads((tmp_path / "m.json").read_text())["start_s"]
    trace = meter.trace(lines)
    assert trace.idle_w(start - 1, start) == 2.0
    assert (trace.begin_w[0], trace.end_w[-1]) == (2.0, 3.0)
    begin = trace.begin_s[trace.begin_w == 3.0][0]
    found = batch_energy(trace, [begin], [trace.end_s[-1]], idle_w=2.0)
    assert found.average_w == pytest.approx(3.0)
    assert found.net_j == pytest.approx(found.gross_j / 3)


@pytest.mark.usefixtures("patient")
def test_the_power_chips_words(
    built: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = built("native") / "edgebnn-measure"
    pi5(tmp_path, PRINTED, monkeypatch)
    meter = rpi5_pmic.Config(kind="rpi5-pmic", interval_s=0.02)
    trace = meter.trace(samples(measure, meter.sources(ask), tmp_path, "sleep", "0.3"))
    assert trace.begin_w.tolist() == pytest.approx([WATTS] * trace.begin_w.size)
