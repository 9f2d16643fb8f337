"""What all plugs have in common, by a Shelly of the second generation: failures, gaps, ends."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import ValidationError

from edgebnn.energy import http_json
from edgebnn.energy.plug import split
from edgebnn.energy.shelly import Config
from edgebnn.errors import InfrastructureError
from tests.energy.plug_server import PlugServer, hang_up, plug_server, raw, status

PATH = "/rpc/Switch.GetStatus?id=0"
TOLD = {"name": None, "id": "shellyplugs-a8032ab1fe78", "gen": 2, "app": "PlugS", "auth_en": False}


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


def watts(power: object) -> dict[str, object]:
    return {"id": 0, "output": True, "apower": power, "voltage": 229.9, "current": 0.03}


def test_answers_become_a_trace() -> None:
    """The first two answers are those of the start."""
    with (
        plug_server(
            {"/shelly": TOLD, PATH: [watts(w) for w in (9, 9, 3.1, 3.2, 3.4, 3.3)]}
        ) as server,
        plug(server).start() as running,
    ):
        server.wait_for(PATH, 7)
        trace = running.stop()
    assert trace.begin_w[:3].tolist() == [3.1, 3.2, 3.4]
    assert set(trace.end_w[2:].tolist()) == {3.3}
    assert trace.source == "measured"
    begin, end = trace.covered[0]
    assert 3.0 * (end - begin) < trace.joules(begin, end)[0] < 3.5 * (end - begin)


@pytest.mark.parametrize(
    "failure",
    [
        hang_up, status(500, "busy"), status(401, ""), status(302, "", Location="/elsewhere"), raw("{"),
        raw(""), raw('{"apower": NaN}'), watts(None), watts("3.3"), watts(-1), watts(3400.0), watts(True),
        [], {"id": 0}, {**watts(0.0), "errors": ["overpower"]}, raw("[" * 10_000),
    ],
)  # fmt: skip
def test_a_failed_question_is_no_reading_and_never_0(failure: Any) -> None:
    good, answers = watts(5.0), [watts(5.0)] * 4
    with plug_server({"/shelly": TOLD, PATH: [*answers, failure, failure, good]}) as server:
        with plug(server).start() as running:
            server.wait_for(PATH, 10)
            trace = running.stop()
        assert trace.begin_s.size <= server.asked.count(PATH) - 2 - 2 - 1
    assert set(trace.begin_w.tolist()) == {5.0}
    assert "/elsewhere" not in server.asked


def test_more_failures_than_answers_are_an_error_that_says_why() -> None:
    answers = [watts(5.0)] * 3 + [hang_up]
    with plug_server({"/shelly": TOLD, PATH: answers}) as server, plug(server).start() as running:
        server.wait_for(PATH, 9)
        with pytest.raises(InfrastructureError) as caught:
            running.stop()
    assert str(caught.value).startswith(f"meter shelly at {server.address}, channel 0: ")
    assert "readings failed: GET /rpc/Switch.GetStatus?id=0: " in str(caught.value)


def test_nobody_at_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    meter = Config(kind="shelly", address=f"127.0.0.1:{port}")
    with pytest.raises(InfrastructureError, match=r"GET /shelly: Connection refused"):
        meter.start()


def test_one_that_takes_the_call_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_json, "ANSWER_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        meter = Config(kind="shelly", address=f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(InfrastructureError, match=r"GET /shelly: no answer within 0\.1 s"):
            meter.start()


def test_one_that_answers_drop_by_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_json, "ANSWER_WITHIN_S", 0.2)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):  # until the other side hangs up
            while True:
                handler.wfile.write(b" ")
                time.sleep(0.01)

    refuses({"/shelly": drip}, InfrastructureError, r"no answer within 0\.2 s")


def test_one_that_speaks_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            connection, _ = other.accept()
            connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
            connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        meter = Config(kind="shelly", address=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(InfrastructureError, match=r"no HTTP answer|reset"):
            meter.start()
        thread.join()


def test_an_answer_without_end_is_not_read_to_it() -> None:
    refuses(
        {"/shelly": raw(" " * 70_000 + "{}")},
        InfrastructureError,
        "an answer of more than 65536 bytes",
    )


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Says nothing until the other side hangs up."""
    handler.rfile.read()


def asking() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("meter shelly")]


def test_the_thread_ends_even_if_questions_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_json, "ANSWER_WITHIN_S", 0.2)
    answers = {"/shelly": TOLD, PATH: [watts(5.0)] * 4 + [hang]}
    with plug_server(answers) as server, plug(server).start() as running:
        server.wait_for(PATH, 5)
        with suppress(InfrastructureError):  # if it hung more often than not
            running.stop()
        assert not asking()


def test_a_job_that_failed_ends_the_thread_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one whose question hangs: it is cut, days before its time is up."""
    monkeypatch.setattr(http_json, "ANSWER_WITHIN_S", 1e6)
    answers = {"/shelly": TOLD, PATH: [watts(5.0)] * 4 + [hang]}
    with plug_server(answers) as server:
        with pytest.raises(KeyError), plug(server).start():
            server.wait_for(PATH, 5)
            raise KeyError("the job's")
        assert not asking()


def test_the_end_is_seen_whatever_the_interval() -> None:
    """One reading at the start, one at the stop: what is between them is covered."""
    answers = {"/shelly": TOLD, PATH: watts(5.0)}
    with plug_server(answers) as server, plug(server, interval_s=60).start() as running:
        server.wait_for(PATH, 3)
        before = time.monotonic()
        trace = running.stop()
    assert trace.begin_s.size == 1
    assert trace.end_s[0] >= before


def test_the_first_reading_is_told_before_the_job() -> None:
    refuses(
        {"/shelly": TOLD, PATH: watts(300.0)},
        InfrastructureError,
        r"power: found 300\.0, wanted is a number of watts, from 0 to 100 \(key most_w\)",
    )
    with plug_server({"/shelly": TOLD, PATH: watts(300.0)}) as server:
        plug(server, most_w=400).start().stop()


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("192.168.1.50", "192.168.1.50", "80"), ("plug-1.lan:8080", "plug-1.lan", "8080"),
        ("[fe80::1]", "[fe80::1]", "80"), ("[fe80::1]:81", "[fe80::1]", "81"), ("p", "p", "80"),
    ],
)  # fmt: skip
def test_addresses(address: str, host: str, port: str) -> None:
    assert split(address) == (host, port)
    assert Config(kind="shelly", address=address).address == address


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("http://192.168.1.50", "no URL"), ("192.168.1.50/status", "no URL"), ("plug:0", "port from 1"),
        ("plug:65536", "port from 1"), ("plug:http", "port from 1"), ("", "a name or an address"),
        ("fe80::1", "a name or an address"), ("two words", "a name or an address"), ("-x", "a name"),
        ("plug..lan", "a name or an address"), ("p" * 64 + ".lan", "a name or an address"),
    ],
)  # fmt: skip
def test_addresses_that_are_none(address: str, wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted):
        Config(kind="shelly", address=address)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        Config(kind="shelly", address="admin:secret@192.168.1.50")
    problem = caught.value.errors()[0]
    assert "a login is not used" in problem["msg"]
    assert "secret" not in problem["msg"]


def test_numbers_beyond_floats_are_refused() -> None:
    answers = {"/shelly": TOLD, PATH: raw('{"apower": 1e999}')}
    refuses(answers, InfrastructureError, "found inf")
    answers = {"/shelly": TOLD, PATH: raw('{"apower": 1%s}' % ("0" * 400))}
    refuses(answers, InfrastructureError, r"found 10{76}\.\.\., wanted")
