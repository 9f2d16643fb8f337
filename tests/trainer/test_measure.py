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
    assert result["killed_for_time"] is False
    assert "time_limit_s" not in result
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


def test_a_command_that_ends_within_its_time(measure: Any) -> None:
    done, result = measure("sh", "-c", "exit 7", options=("--time-limit", "1000"))
    assert (done.returncode, done.stderr) == (7, "")
    assert (result["time_limit_s"], result["killed_for_time"]) == (1000, False)


@pytest.mark.parametrize("samples", [False, True])
def test_a_command_that_runs_past_its_time(measure: Any, tmp_path: Path, samples: bool) -> None:
    """The limit is of the command alone: the idle time before it does not count."""
    sampled = ("--samples", str(tmp_path / "s"), "--interval", "0.05", "--idle", "0.6")
    options = ("--time-limit", "0.5", *(sampled if samples else ()))
    done, result = measure("sleep", "1000", options=options)
    assert done.returncode == result["exit_status"] == 128 + signal.SIGTERM
    assert done.stderr == "edgebnn-measure: sleep ran past its time limit of 0.5 s\n"
    assert (result["time_limit_s"], result["killed_for_time"]) == (0.5, True)
    assert result["wall_s"] >= 0.5
    assert result["killed_for_memory"] is False


def test_a_command_may_end_its_own_way_at_its_limit(measure: Any) -> None:
    script = "trap 'echo kept; exit 5' TERM; while :; do sleep 0.05; done"
    done, result = measure("sh", "-c", script, options=("--time-limit", "2"))
    assert (done.returncode, done.stdout) == (5, "kept\n")
    assert (result["exit_status"], result["killed_for_time"]) == (5, True)


@pytest.mark.slow
def test_a_command_that_ignores_its_limit_is_killed(measure: Any) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the command inherits it
    try:
        done, result = measure("sleep", "1000", options=("--time-limit", "0.5"))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done.returncode == 128 + signal.SIGKILL
    assert result["wall_s"] >= 10.5
    assert (result["killed_for_time"], result["killed_for_memory"]) == (True, False)


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
        (["--output", "x", "--time-limit", "0", "--", "true"], "--time-limit: found '0'"),
        (["--output", "x", "--time-limit", "1 h", "--", "true"], "--time-limit: found '1 h'"),
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
