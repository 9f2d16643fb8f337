"""What a job on a board leaves behind, and shows while it runs, holds no key, password or token of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.farm.boards import Board, farm_of
from tests.farm.controller import Controller

PASSWORD, TOKEN = b"s3cr3t-Zx81-p", b"s3cr3t-Zx81-t"


def of_process(process: str, file: str) -> bytes:
    """A file of /proc; empty if the process is gone or another's."""
    with suppress(OSError):
        return Path("/proc", process, file).read_bytes()
    return b""


@pytest.mark.slow
def test_a_job_shows_and_keeps_no_secret(
    one: Board,
    controller: Callable[..., Controller],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = Path(one.entry["identity_file"]).read_bytes().split(b"\n")
    assert key[0] == b"-----BEGIN OPENSSH PRIVATE KEY-----"
    secrets = [PASSWORD, TOKEN, *filter(None, key)]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{PASSWORD.decode()}@127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN.decode())
    started = controller(farm_of(tmp_path, [one]), epochs=300, where="controller")
    said = started.until("epoch 3/")
    one.freeze()
    assert PASSWORD in of_process(str(started.process.pid), "environ")  # where it belongs
    on_board = [str(process) for process in one.processes()]
    shown = [of_process(entry.name, "cmdline") for entry in Path("/proc").glob("[0-9]*")]
    assert any(b"edgebnn-train" in words for words in shown)
    shown += [of_process(process, "environ") for process in on_board]
    assert any(shown[-len(on_board) :])
    kept = [
        path for path in one.home.rglob("*") if path.is_file()
    ]  # a job's folder goes at its end
    shown += [path.read_bytes() for path in kept]
    one.thaw()
    status, rest = started.end()
    assert status == 0, rest
    left = [*one.home.rglob("*"), *(tmp_path / "controller").rglob("*")]
    shown += [path.read_bytes() for path in left if path.is_file()]
    shown += [said.encode(), rest.encode()]
    assert started.output in left
    assert not [secret for secret in secrets if any(secret in text for text in shown)]
