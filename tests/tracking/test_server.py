"""A tracking server of a group: with passwords; down for a while; one that never answers."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError
from edgebnn.tracking.track import track

from .server import free_port, mlflow_server
from .test_track import RECORDS, empty_store, study

__all__ = ["empty_store", "study"]  # fixtures

USER, PASSWORD, WRONG = "grete", "a-right-password", "a-wrong-password"

pytestmark = pytest.mark.slow


@pytest.fixture
def tracked(study: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`tracked(address, VARIABLE=...)`: what stood in the way of tracking; empty if it is done."""

    def call(address: str, **variables: str) -> str:
        for name in [name for name in os.environ if name.startswith("MLFLOW_TRACKING_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        records = sorted(study.glob("*/[edm]1.json"))
        try:
            track(records, study / "plan.json", address, study / "track.json")
        except InfrastructureError as error:
            return str(error)
        return ""

    return call


def written(folder: Path) -> str:
    """All text in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return "\n".join(path.read_text(errors="replace") for path in files)


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Iterator[str]:
    """The address of a server's database."""
    shutil.copy(empty_store, tmp_path / "server.db")
    yield f"sqlite:///{tmp_path}/server.db"


def test_a_server_with_passwords(
    study: Path, store: str, tmp_path: Path, tracked: Callable[..., str]
) -> None:
    settings = tmp_path / "auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{tmp_path}/users.db\n"
        f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "grant_default_workspace_access = false\n"
    )
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": "k"}
    user = {"MLFLOW_TRACKING_USERNAME": USER}
    with mlflow_server(
        tmp_path, store, "--app-name", "basic-auth", environment=environment
    ) as address:
        for variables in ({}, {**user, "MLFLOW_TRACKING_PASSWORD": WRONG}):
            said = tracked(address, **variables)
            assert said.startswith(f"MLflow at {address}: it does not let this user in")
            assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in said
            assert WRONG not in said
            assert not (study / "track.json").exists()
        assert tracked(address, **user, MLFLOW_TRACKING_PASSWORD=PASSWORD) == ""
    assert address in written(study)
    assert PASSWORD not in written(study)


def test_a_server_that_was_down_is_caught_up_with(
    study: Path, store: str, tmp_path: Path, tracked: Callable[..., str]
) -> None:
    """The same again, once the server is back; what it has stays as it is."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    assert tracked(address).startswith(f"MLflow at {address}: ")
    late = study / "device" / f"{RECORDS[1][1]}.json"
    late.rename(tmp_path / "late.json")
    with mlflow_server(tmp_path, store, port=port):
        assert tracked(address) == ""
        assert (study / "track.json").read_text().count("memory/m1") == 1
    assert tracked(address).startswith(f"MLflow at {address}: ")
    (tmp_path / "late.json").rename(late)
    with mlflow_server(tmp_path, store, port=port):
        assert tracked(address) == ""
    assert '"logged": [\n  "digits/device/d1"\n ]' in (study / "track.json").read_text()


def test_a_server_that_never_answers(tracked: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        said = tracked(address, MLFLOW_HTTP_REQUEST_TIMEOUT="1")
    assert said.startswith(f"MLflow at {address}: ")
    assert "timed out" in said
