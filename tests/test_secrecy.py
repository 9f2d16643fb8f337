"""A secret of an address or of the environment stands in no message, file or argument."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.data.download import Download
from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.secrecy import has_secret, masked
from edgebnn.study.config import load_study, parse_study
from edgebnn.tracking.store import handed_on

SECRET = "s3cr3t-Zx81"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("http://me:s3cr3t-Zx81@host:5000/x", "http://host:5000/x"),
        ("API request to 'https://me:s3cr3t-Zx81@host' failed", "API request to 'https://host' failed"),
        ("postgresql+psycopg2://u:s3cr3t-Zx81@db:5432/mlflow", "postgresql+psycopg2://db:5432/mlflow"),
        ("mysql://u:a/s3cr3t-Zx81@db/x", "mysql://db/x"),  # a slash that was not escaped
        ("http://u:s3cr3t-Zx81@a@host/x", "http://host/x"),  # an @ that was not escaped
        ("http://:s3cr3t-Zx81@host", "http://host"),
        ("https://s3cr3t-Zx81@host/x", "https://host/x"),  # a token as the user
        ("proxy socks5h://u:s3cr3t-Zx81@[::1]:1080 refused", "proxy socks5h://[::1]:1080 refused"),
        ("http://host/x?token=s3cr3t-Zx81&y=1#z", "http://host/x?token=***&y=1#z"),
        ("/api?access_token=s3cr3t-Zx81", "/api?access_token=***"),
        ("https://b.s3.host/f?X-Amz-Signature=s3cr3t-Zx81&n=2", "https://b.s3.host/f?X-Amz-Signature=***&n=2"),
        ("http://host/?api_key=s3cr3t-Zx81;Password=s3cr3t-Zx81", "http://host/?api_key=***;Password=***"),
        ("https:/u:s3cr3t-Zx81@host/sets", "https:/host/sets"),  # as pathlib has it
        ("sqlite:////srv/a@b/mlflow.db?mode=ro", "sqlite:////srv/a@b/mlflow.db?mode=ro"),
        ("bench@192.168.1.41: no such key", "bench@192.168.1.41: no such key"),
        ("sqlite:///results/mlflow.db", "sqlite:///results/mlflow.db"),
        ("batch=100, monkey=3", "batch=100, monkey=3"),
    ],
)  # fmt: skip
def test_addresses(said: str, shown: str) -> None:
    assert masked(said) == shown
    assert str(InfrastructureError(said)) == shown


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MLFLOW_TRACKING_PASSWORD", SECRET, SECRET),
        ("MLFLOW_TRACKING_TOKEN", SECRET, f"Bearer {SECRET}"),
        ("AWS_SECRET_ACCESS_KEY", SECRET, f"SignatureDoesNotMatch {SECRET}"),
        ("HTTPS_PROXY", f"http://u:{SECRET}@proxy:3128", f"password {SECRET} refused"),
        ("HTTPS_PROXY", "http://u:s%26cr%2Fet@proxy:3128", "password s&cr/et refused, s%26cr%2Fet"),
        ("MLFLOW_TRACKING_URI", f"http://h/?token={SECRET}", f"token {SECRET} expired"),
    ],
)
def test_what_the_environment_holds_is_masked_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    shown = str(ConfigError(says))
    assert "***" in shown
    for secret in (SECRET, "s&cr/et", "s%26cr%2Fet"):
        assert secret not in shown


def test_a_word_of_a_variable_that_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("SSH_AUTH_SOCK", "/run/agent"),
        ("AUTH_MODE", "none"),
        ("MLFLOW_TRACKING_PASSWORD", "a"),
        ("GOOGLE_CREDENTIALS_FILE", "/srv/key.json"),
        ("XAUTHORITY", "/run/key"),
        ("GIT_AUTHOR_NAME", "kind"),
        ("PWD", "/srv"),  # the folder in which we run: it stands in many a message
        ("OLDPWD", "/run"),
    ):
        monkeypatch.setenv(name, value)
    said = "none of a kind: /run/agent, /srv/key.json"
    assert masked(said) == said


def test_which_addresses_hold_a_secret() -> None:
    assert has_secret("http://me:secret@host")
    assert has_secret("http://host/?token=x")
    assert not has_secret("http://me@host:5000/x?page=2")
    assert not has_secret("sqlite:///results/mlflow.db")


@pytest.fixture
def closed_port() -> int:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.heavy
@pytest.mark.parametrize(
    "uri", ["http://me:SECRET@127.0.0.1:PORT", "http://127.0.0.1:PORT/x?token=SECRET"]
)
def test_a_store_that_cannot_be_reached(
    uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    closed_port: int,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(
        "MLFLOW_TRACKING_URI", uri.replace("SECRET", SECRET).replace("PORT", str(closed_port))
    )
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"study": "s", "experiments": {}}))
    output = tmp_path / "track" / "s.json"
    assert main(["track", "--plan", str(plan), "--output", str(output)]) == 3
    said = capfd.readouterr()
    assert f"MLflow at http://127.0.0.1:{closed_port}" in said.err
    assert len(said.err.strip().splitlines()) == 1
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "s.json.failed" in written
    assert SECRET not in said.out + said.err + str(written)


@pytest.mark.heavy
def test_a_database_without_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"mssql+pymssql://u:{SECRET}@127.0.0.1:1/db")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"study": "s", "experiments": {}}))
    assert main(["track", "--plan", str(plan), "--output", str(tmp_path / "s.json")]) == 2
    said = capfd.readouterr()
    assert "MLflow at mssql+pymssql://127.0.0.1:1/db" in said.err
    assert "install that database's driver" in said.err
    assert SECRET not in said.out + said.err + str([*map(Path.read_text, tmp_path.glob("*"))])


def test_a_store_that_is_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://u:{SECRET}@[::1")
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"study": "s", "experiments": {}}))
    assert main(["track", "--plan", str(plan), "--output", str(tmp_path / "s.json")]) == 2
    said = capfd.readouterr().err
    assert said == "edgebnn: MLFLOW_TRACKING_URI: http://[::1: no address: Invalid IPv6 URL\n"


@pytest.mark.parametrize("uri", [f"http://me:{SECRET}@host", f"http://host?token={SECRET}"])
def test_a_secret_is_no_argument(
    uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"study": "s", "experiments": {}}))
    arguments = ["--plan", str(tmp_path / "plan.json"), "--output", str(tmp_path / "s.json")]
    assert main(["track", *arguments, "--tracking-uri", uri]) == 2
    said = capfd.readouterr().err
    assert "every user of this machine can read arguments; set it as MLFLOW_TRACKING_URI" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "proxy",
    [
        "http://u:SECRET@127.0.0.1:PORT",
        "http://u:SECRET@[::1",
        "http://u:SECRET@",
        "nonsense://u:SECRET@x",
    ],
)
def test_a_proxys_password(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    proxy = proxy.replace("SECRET", SECRET).replace("PORT", str(closed_port))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InfrastructureError) as caught:
        Download("http://192.0.2.1/toy.npz", "0" * 64).fetch(tmp_path, "put it there")
    assert "192.0.2.1/toy.npz" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_no_rule_is_told_the_stores_address() -> None:
    text = (Path(__file__).parents[1] / "workflow" / "rules" / "track.smk").read_text()
    assert "--tracking-uri" not in text
    assert "TRACKING_URI = handed_on(" in text


def test_the_address_is_handed_on_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert handed_on("sqlite:///r/mlflow.db") == "sqlite:///r/mlflow.db"
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///r/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@host")
    assert handed_on("sqlite:///r/mlflow.db") == "http://host"
    assert SECRET in os.environ["MLFLOW_TRACKING_URI"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("tracking_uri", "MLFLOW_TRACKING_URI, in the environment"),
        ("password", "a file holds no secrets"),
        ("api_key", "a file holds no secrets"),
        ("sudy", "did you mean 'study'"),
    ],
)
def test_a_secret_in_a_study_is_refused_and_not_repeated(key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_study({"study": "s", key: f"http://me:{SECRET}@host"}, "my.yaml")
    assert f"my.yaml: {key}: unknown key" in str(caught.value)
    assert hint in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_secret_in_a_value_that_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    for text in (
        f"study: [http://me:{SECRET}@host]\n",
        f"study: s\nresults: http://me:{SECRET}@host/{{x}}\n",
        f"study: s\n  x: http://me:{SECRET}@host\n",
        f"study: s\nseeds: http://me:{SECRET}@host\n",
    ):
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_study(file)
        assert SECRET not in str(caught.value)
