"""A job with a meter, from the board's sensor, or a plug, to joules a batch: the real programs, real SSH."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.energy.rpi5_pmic import rails
from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.clock import clock_offset
from edgebnn.farm.connection import Host
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.job import train_on_device
from edgebnn.farm.joules import read_stamps
from edgebnn.record import Record
from edgebnn.study.run import Run
from tests.energy.plug_server import plug_server, raw, status
from tests.energy.test_rpi5_pmic import PRINTED, WATTS, pi5
from tests.farm.known_power import joules, known_power, watts


@pytest.fixture
def job(
    trainer: Path, digits: Path, run: Run, inventory: Callable[..., Inventory], tmp_path: Path
) -> Callable[..., Record]:
    """Trains with a meter; some seconds by default, and on a virtual device."""

    def virtual(**more: Any) -> Inventory:
        return inventory(one={"kind": "virtual", **more})

    def train(
        meter: dict[str, Any], epochs: int = 300, farm_of_one: Callable[..., Inventory] = virtual
    ) -> Record:
        farm = farm_of_one(meter=meter)
        long = run.model_copy(update={"epochs": epochs})
        output = tmp_path / "device" / "record.json"
        return train_on_device(
            long, digits, trainer, farm, output, tmp_path / "virtual", lambda line: None
        )

    return train


def stamps(record: Record, tmp_path: Path) -> tuple[Any, Any]:
    return read_stamps(tmp_path / "device" / record.artifacts["stamps"].path)


@pytest.mark.slow
def test_joules_a_batch_are_those_of_a_sensor_of_known_power(
    job: Callable[..., Record], tmp_path: Path
) -> None:
    with known_power(tmp_path / "hwmon") as root:
        meter = {"kind": "hwmon", "sensor": "ina219", "root": str(root)}
        record = job({**meter, "interval_s": 0.02, "idle_s": 2.1})
    begin, end = stamps(record, tmp_path)
    assert len(begin) == 300 * 6
    truth = joules(begin, end)
    found = {name: metric.value for name, metric in record.metrics.items()}
    assert found["energy_per_batch_j"] == pytest.approx(truth.mean(), rel=0.01)
    assert found["energy_gross_j"] == pytest.approx(truth.sum(), rel=0.01)
    assert found["energy_batches"] == len(begin)
    low, high = found["energy_per_batch_low_j"], found["energy_per_batch_high_j"]
    assert low < truth.mean() < high
    assert found["idle_power_w"] == pytest.approx(5.0, rel=0.05)  # three periods' median
    net = truth.mean() - found["idle_power_w"] * np.mean(end - begin)
    assert found["energy_net_per_batch_j"] == pytest.approx(net, abs=0.01 * truth.mean())
    assert record.metrics["energy_per_batch_j"].source == "measured"
    assert record.notes["energy"].startswith("meter hwmon, over ")
    assert len(record.tables["power"]) > 5
    assert len(record.tables["batches"]) == 40


def test_a_sensor_that_is_not_there_is_said_before_the_training(
    job: Callable[..., Record], farm_of_one: Callable[..., Inventory], tmp_path: Path
) -> None:
    with known_power(tmp_path / "hwmon") as root:
        meter = {"kind": "hwmon", "sensor": "ina260", "root": str(root)}
        with pytest.raises(ConfigError, match=r"ina260: no such sensor; .* has hwmon0: ina219"):
            job(meter, farm_of_one=farm_of_one)


def test_a_sensor_that_goes_costs_the_energy_not_the_training(
    job: Callable[..., Record],
    farm_of_one: Callable[..., Inventory],
    home: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "hwmon" / "hwmon0"
    folder.mkdir(parents=True)
    (folder / "name").write_text("ina219\n")
    (folder / "power1_input").write_text("2500000\n")
    run = home / "edgebnn" / "jobs"

    def take_away() -> None:
        """Nothing at all is read once the job has its folder."""
        while not list(run.glob("*/samples.jsonl")):
            time.sleep(0.001)
        (folder / "power1_input").write_text("unplugged\n")

    taker = threading.Thread(target=take_away)
    taker.start()
    meter = {"kind": "hwmon", "sensor": "ina219", "root": str(folder.parent), "interval_s": 0.05}
    record = job({**meter, "idle_s": 0.5}, epochs=30, farm_of_one=farm_of_one)
    taker.join()
    assert record.metrics["test_accuracy"].value > 0.5
    assert "energy_per_batch_j" not in record.metrics
    assert record.notes["energy"].startswith("absent: meter hwmon, sensor ina219: ")


def test_the_rails_of_a_pi_5_are_told_one_by_one(
    job: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pi5(tmp_path, PRINTED, monkeypatch)
    record = job({"kind": "rpi5-pmic", "interval_s": 0.05, "idle_s": 0.3}, epochs=60)
    found = {name: metric.value for name, metric in record.metrics.items()}
    assert found["average_power_w"] == pytest.approx(WATTS, rel=1e-6)
    assert found["energy_per_batch_j"] > 0
    assert found["energy_net_per_batch_j"] == pytest.approx(0, abs=1e-6)
    table = {row["rail"]: row["watts"] for row in record.tables["rails"]}
    assert table == pytest.approx(rails(PRINTED))


def telling(power: Callable[[], float]) -> Callable[[BaseHTTPRequestHandler], None]:
    """A Shelly's answer with the power of this moment."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        raw(f'{{"id": 0, "apower": {power():.4f}, "voltage": 230.1}}')(handler)

    return send


def shelly(power: Callable[[], float]) -> dict[str, Any]:
    return {
        "/shelly": {"id": "shellyplusplugs-1", "gen": 2, "auth_en": False},
        "/rpc/Switch.GetStatus?id=0": telling(power),
    }


@pytest.mark.slow
def test_a_plugs_readings_are_moved_to_the_boards_clock(
    job: Callable[..., Record], tmp_path: Path
) -> None:
    with plug_server(shelly(lambda: watts(time.monotonic()))) as plug:
        record = job({"kind": "shelly", "address": plug.address, "interval_s": 0.02, "idle_s": 1.0})
    begin, end = stamps(record, tmp_path)
    found = {name: metric.value for name, metric in record.metrics.items()}
    assert found["energy_per_batch_j"] == pytest.approx(joules(begin, end).mean(), rel=0.01)
    assert abs(found["clock_offset_s"]) <= found["clock_offset_within_s"]  # the same machine
    assert found["clock_offset_within_s"] < 1


def test_a_plug_that_is_gone_costs_the_energy_not_the_training(job: Callable[..., Record]) -> None:
    with plug_server(shelly(lambda: 5.0)) as plug:
        answers = plug.answers
        gone = status(503, "Service Unavailable")
        path = "/rpc/Switch.GetStatus?id=0"
        answers[path] = [answers[path], answers[path], gone]
        meter = {"kind": "shelly", "address": plug.address, "interval_s": 0.05, "idle_s": 0.2}
        record = job(meter, epochs=30)
    assert record.metrics["test_accuracy"].value > 0.5
    assert "energy_per_batch_j" not in record.metrics
    assert record.notes["energy"].startswith("absent: ")


def test_a_plug_that_does_not_answer_is_said_before_the_training(
    job: Callable[..., Record],
) -> None:
    with plug_server({}) as plug:
        gone = plug.address
    with pytest.raises(InfrastructureError, match=f"meter shelly at {gone}, channel 0: "):
        job({"kind": "shelly", "address": gone})


def test_another_clock_is_found_out(host: Host, home: Path) -> None:
    """A device whose clock began at another moment, as two machines' always do."""
    program = home / "clock"
    program.write_text(
        f"#!{sys.executable}\nimport sys, time\n"
        "for line in sys.stdin: print(time.monotonic() + 12345.5, flush=True)\n"
    )
    program.chmod(0o755)
    offset = clock_offset(host, ["./clock", "--clock"])
    assert offset.seconds == pytest.approx(12345.5, abs=offset.within_s)
    assert 0 < offset.within_s < 1


class LateHost(Host):
    """Its commands have ended before they are asked anything."""

    @contextmanager
    def channel(self, argv: list[str]) -> Iterator[Any]:
        with super().channel(argv) as channel:
            while not channel.closed:
                time.sleep(0.01)
            yield channel


@pytest.mark.parametrize("kind", [Host, LateHost])
def test_what_tells_no_time_is_an_error(host: Host, kind: type[Host]) -> None:
    asked = kind(host.name, host._connection)
    with pytest.raises(InfrastructureError, match=r"wanted is the time of its clock, found b''"):
        clock_offset(asked, ["true"])
