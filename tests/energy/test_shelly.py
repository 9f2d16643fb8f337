"""A Shelly of either generation, by the answers that its documentation shows."""

from __future__ import annotations

from typing import Any

import pytest

from edgebnn.energy.shelly import Config
from edgebnn.errors import ConfigError, InfrastructureError
from tests.energy.plug_server import PlugServer, plug_server, raw, status

GEN1 = {
    "type": "SHPLG-S", "mac": "E09806A9E103", "auth": False, "fw": "20230913-113610/v1.14.0-gcb84623",
    "discoverable": False, "num_outputs": 1, "num_meters": 1,
}  # fmt: skip
METER = {
    "power": 4.55, "overpower": 0.0, "is_valid": True, "timestamp": 1600439798,
    "counters": [4.764, 4.757, 4.746], "total": 102,
}  # fmt: skip
GEN2 = {
    "name": None, "id": "shellyplusplugs-80646fe2a1b0", "mac": "80646FE2A1B0", "slot": 0,
    "model": "SNPL-00112EU", "gen": 2, "fw_id": "20241011-114451/1.4.4-g6d2a586", "ver": "1.4.4",
    "app": "PlusPlugS", "auth_en": False, "auth_domain": None,
}  # fmt: skip
SWITCH = {
    "id": 0, "source": "init", "output": True, "apower": 4.7, "voltage": 231.2, "current": 0.043,
    "aenergy": {"total": 53.2, "by_minute": [78.1, 78.3, 78.0], "minute_ts": 1720512360},
    "temperature": {"tC": 35.3, "tF": 95.5},
}  # fmt: skip


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is: no gap between answers."""
    monkeypatch.setattr(Config, "longest_gap_s", 3600.0)


def plug(server: PlugServer, **keys: Any) -> Config:
    given = {"kind": "shelly", "address": server.address, "interval_s": 0.01}
    return Config.model_validate({**given, **keys})


def refuses(answers: dict[str, Any], error: type[Exception], match: str, **keys: Any) -> None:
    """It does not start, and says why."""
    with plug_server(answers) as server, pytest.raises(error, match=match):
        plug(server, **keys).start()


@pytest.mark.parametrize(
    ("answers", "path", "power"),
    [
        ({"/shelly": GEN1, "/meter/0": METER}, "/meter/0", 4.55),
        ({"/shelly": GEN2, "/rpc/Switch.GetStatus?id=0": SWITCH}, "/rpc/Switch.GetStatus?id=0", 4.7),
        ({"/shelly": {**GEN2, "gen": 4}, "/rpc/Switch.GetStatus?id=0": SWITCH}, "/rpc/Switch.GetStatus?id=0", 4.7),
    ],
)  # fmt: skip
def test_each_generation_is_asked_its_own_way(
    answers: dict[str, Any], path: str, power: float
) -> None:
    with plug_server(answers) as server, plug(server).start() as running:
        server.wait_for(path, 5)
        trace = running.stop()
        assert set(server.asked) == {"/shelly", path}
    assert set(trace.begin_w.tolist()) == {power}


def test_one_of_several_outlets() -> None:
    path = "/rpc/Switch.GetStatus?id=3"
    answers = {"/shelly": GEN2, path: {**SWITCH, "id": 3}}
    with plug_server(answers) as server, plug(server, channel=3).start() as running:
        server.wait_for(path, 5)
        assert running.stop().begin_w[0] == 4.7


@pytest.mark.parametrize(
    "told", [{**GEN1, "auth": True}, {**GEN2, "auth_en": True}, status(401, "")]
)
def test_a_login_is_told_before_the_job_with_what_to_do(told: Any) -> None:
    with plug_server({"/shelly": told}) as server, pytest.raises(ConfigError) as caught:
        plug(server).start()
    assert str(caught.value) == (
        f"meter shelly at {server.address}, channel 0: it wants a login, and passwords are never put in "
        "the inventory: switch its login off, and put it in a network of its own"
    )


def test_a_login_that_only_the_reading_wants() -> None:
    login = status(401, "", **{"WWW-Authenticate": 'Digest qop="auth", realm="shellyplus"'})
    answers = {"/shelly": GEN2, "/rpc/Switch.GetStatus?id=0": login}
    refuses(answers, ConfigError, "it wants a login")


@pytest.mark.parametrize(
    "told", [status(404, "File not found"), ["x"], {"StatusSNS": {}}, {"gen": "two"}, 3]
)
def test_what_is_no_shelly(told: Any) -> None:
    refuses({"/shelly": told}, ConfigError, "no Shelly: ")


def test_a_page_is_no_json() -> None:
    refuses(
        {"/shelly": raw("<!DOCTYPE html><html>router</html>")},
        InfrastructureError,
        r"no JSON: '<!DOCTYPE html>",
    )


def test_a_channel_that_it_has_not() -> None:
    refused = status(500, '{"code":-105,"message":"Argument \'id\', value 2 not found!"}')
    answers = {"/shelly": GEN2, "/rpc/Switch.GetStatus?id=2": refused}
    with (
        plug_server(answers) as server,
        pytest.raises(ConfigError, match=r"channel 2: channel: .*HTTP 500.*value 2 not found!"),
    ):
        plug(server, channel=2).start()
    refuses(
        {"/shelly": GEN1, "/meter/0": METER},
        ConfigError,
        r"channel: GET /meter/1: HTTP 404",
        channel=1,
    )


def test_a_relay_that_does_not_measure() -> None:
    without = {key: value for key, value in SWITCH.items() if key not in ("apower", "current")}
    refuses(
        {"/shelly": GEN2, "/rpc/Switch.GetStatus?id=0": without},
        ConfigError,
        "it switches, and does not measure",
    )


def test_a_meter_that_doubts_itself() -> None:
    refuses(
        {"/shelly": GEN1, "/meter/0": {**METER, "is_valid": False}},
        InfrastructureError,
        "its reading is not valid",
    )
    hot = {**SWITCH, "errors": ["overtemp"]}
    refuses(
        {"/shelly": GEN2, "/rpc/Switch.GetStatus?id=0": hot},
        InfrastructureError,
        r"the plug says errors: \['overtemp'\]",
    )
