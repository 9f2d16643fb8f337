"""A plug with Tasmota, by the answers that `Status 8` gives."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgebnn.energy.tasmota import Config
from edgebnn.errors import ConfigError, InfrastructureError
from tests.energy.plug_server import PlugServer, plug_server, raw, status

PATH = "/cm?cmnd=Status%208"


def told(power: object) -> dict[str, Any]:
    energy = {
        "TotalStartTime": "2019-08-18T11:07:55", "Total": 0.003, "Yesterday": 0.0, "Today": 0.003,
        "Power": power, "ApparentPower": 25, "ReactivePower": 25, "Factor": 0.06, "Voltage": 239,
        "Current": 0.106,
    }  # fmt: skip
    return {"StatusSNS": {"Time": "2019-09-06T20:06:19", "ENERGY": energy}}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is: no gap between answers."""
    monkeypatch.setattr(Config, "longest_gap_s", 3600.0)


def plug(server: PlugServer, **keys: Any) -> Config:
    given = {"kind": "tasmota", "address": server.address, "interval_s": 0.01}
    return Config.model_validate({**given, **keys})


def refuses(answers: dict[str, Any], error: type[Exception], match: str, **keys: Any) -> None:
    """It does not start, and says why."""
    with plug_server(answers) as server, pytest.raises(error, match=match):
        plug(server, **keys).start()


@pytest.mark.parametrize(
    ("power", "channel", "watts"),
    [(6, 1, 6.0), (4.25, 1, 4.25), ([4.5, 7.25], 1, 4.5), ([4.5, 7.25], 2, 7.25)],
)
def test_power_is_a_number_or_a_list(power: Any, channel: int, watts: float) -> None:
    with (
        plug_server({PATH: told(power)}) as server,
        plug(server, channel=channel).start() as running,
    ):
        server.wait_for(PATH, 6)
        trace = running.stop()
    assert set(trace.begin_w.tolist()) == {watts}


@pytest.mark.parametrize(
    "failure",
    [{}, {"StatusSNS": {}}, told(None), told("5"), told([]), raw("nothing"), status(503, "")],
)
def test_a_failed_question_is_no_reading(failure: Any) -> None:
    with plug_server({PATH: [told(5)] * 4 + [failure, told(5)]}) as server:
        with plug(server).start() as running:
            server.wait_for(PATH, 9)
            trace = running.stop()
        assert trace.begin_s.size <= server.asked.count(PATH) - 2 - 1 - 1
    assert set(trace.begin_w.tolist()) == {5.0}


@pytest.mark.parametrize(
    "login",
    [
        {"WARNING": "Need user=<username>&password=<password>"},
        status(401, '{"WARNING":"Need user"}'),
    ],
)
def test_a_login_is_told_before_the_job(login: Any) -> None:
    refuses({PATH: login}, ConfigError, "it wants a login, and passwords are never put")


@pytest.mark.parametrize("answer", [status(404, "File not found"), [1], {"Command": "Unknown"}])
def test_what_is_no_tasmota(answer: Any) -> None:
    refuses({PATH: answer}, ConfigError, "no Tasmota: ")


def test_one_that_does_not_measure_is_told_with_what_it_has() -> None:
    answer = {"StatusSNS": {"Time": "2017-02-11T18:06:05", "DHT": {"Temperature": "21.8"}}}
    with (
        plug_server({PATH: answer}) as server,
        pytest.raises(ConfigError, match="does not measure: StatusSNS has Time, DHT, no ENERGY"),
    ):
        plug(server).start()


def test_a_channel_that_it_has_not() -> None:
    refuses({PATH: told([4.5, 7.25])}, ConfigError, "channel: found 3, it has 1 to 2", channel=3)
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Config(kind="tasmota", address="plug", channel=0)


def test_nonsense_before_the_job_is_told() -> None:
    with (
        plug_server({PATH: told("many")}) as server,
        pytest.raises(
            InfrastructureError, match="power: found 'many', wanted is a number of watts"
        ),
    ):
        plug(server).start()
