"""edgebnn-measure: what a command took, whatever the command."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def measure(programs: Path, tmp_path: Path) -> Any:
    """`measure(command...)`: (completed process, what was written or None)."""
    output = tmp_path / "measure.json"

    def run(*command: str, options: tuple[str, ...] = ()) -> Any:
        arguments = [programs / "edgebnn-measure", "--output", output, *options, "--", *command]
        done = subprocess.run(
            list(map(str, arguments)), check=False, capture_output=True, text=True
        )
        return done, json.loads(output.read_text()) if output.exists() else None

    return run


def test_status_output_and_time(measure: Any) -> None:
    done, result = measure("sh", "-c", "echo out; echo err >&2; sleep 0.3; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert result["exit_status"] == 7
    assert result["wall_s"] >= 0.3
    assert result["wall_s"] == pytest.approx(result["end_s"] - result["start_s"])
    assert result["user_s"] + result["system_s"] < result["wall_s"] + 0.3


def test_peak_memory_is_the_command_s(measure: Any) -> None:
    _, small = measure("true")
    _, large = measure(sys.executable, "-c", "b'x' * (100 << 20)")
    assert small["peak_memory_bytes"] < 20 << 20
    assert 100 << 20 < large["peak_memory_bytes"] < 200 << 20


def test_without_a_file_no_samples_are_taken(measure: Any) -> None:
    _, result = measure("true")
    assert "samples" not in result
    assert result["killed_for_memory"] is False
    assert result["measuring_s"] < 0.5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_command(programs: Path, tmp_path: Path, number: int) -> None:
    output, started = tmp_path / "measure.json", tmp_path / "started"
    script = f"trap 'exit 5' {int(number)}; : > '{started}'; while :; do sleep 0.05; done"
    command = [programs / "edgebnn-measure", "--output", output, "--", "sh", "-c", script]
    with subprocess.Popen(list(map(str, command))) as process:
        while not started.exists():
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=60) == 5
    assert json.loads(output.read_text())["exit_status"] == 5


def test_a_killed_command(measure: Any) -> None:
    done, result = measure("sh", "-c", "kill -KILL $$")
    assert done.returncode == result["exit_status"] == 128 + signal.SIGKILL


def test_no_such_command(measure: Any) -> None:
    done, _ = measure("no-such-command-here")
    assert done.returncode == 127
    assert "no-such-command-here: No such file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--output: missing"),
        (["--output", "x", "--"], "-- COMMAND: missing"),
        (["--output"], "--output: needs a value"),
        (["--output", "x", "--interval", "0", "--", "true"], "--interval: found '0'"),
        (["--output", "x", "--interval", "", "--", "true"], "--interval: found ''"),
        (["--output", "x", "--memory-limit", "0", "--", "true"], "--memory-limit: found '0'"),
        (["--output", "x", "--idle", "1", "--", "true"], "need --samples, the file"),
        (["--output", "x", "--read", "power", "--", "true"], "wanted is NAME=FILE"),
        (["--output", "x", "--ask", "=date", "--", "true"], "wanted is NAME=COMMAND"),
        (["--output", "x", "--samples", "none/x", "--", "true"], "none/x: cannot be written"),
        (["--output", "none/x", "--", "true"], "none/x: cannot be written"),
        (["--colour", "x", "--", "true"], "--colour"),
    ],
)
def test_refused(programs: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [str(programs / "edgebnn-measure"), *arguments],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
