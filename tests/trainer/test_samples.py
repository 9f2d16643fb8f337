"""What edgebnn-measure sees on the way: power, memory of all that a command starts, conditions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

HUNDRED_MIB = "block = b'x' * (100 << 20); import sys; sys.stdin.read()"
"""A program that takes 100 MiB until its input ends."""


class Measured:
    """`edgebnn-measure` with samples; `result` and `lines` are what it wrote, `said` its errors."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.result: dict[str, Any] = {}
        self.lines: list[dict[str, Any]] = []
        self.said = ""

    def command(self, options: tuple[object, ...], *command: str) -> list[str]:
        files = ("--output", self.folder / "measure.json", "--samples", self.folder / "s.jsonl")
        return [*map(str, (self.program, *files, *options)), "--", *command]

    def run(self, *command: str, options: tuple[object, ...] = ()) -> int:
        done = subprocess.run(self.command(options, *command), check=False, capture_output=True)
        self.read()
        self.said = done.stderr.decode()
        return done.returncode

    def read(self) -> None:
        self.lines = [
            json.loads(line) for line in (self.folder / "s.jsonl").read_text().splitlines()
        ]
        path = self.folder / "measure.json"
        self.result = json.loads(path.read_text()) if path.exists() else {}

    def seen(self, name: str) -> list[Any]:
        return [line[name] for line in self.lines if name in line]


@pytest.fixture
def measured(programs: Path, tmp_path: Path) -> Measured:
    return Measured(programs / "edgebnn-measure", tmp_path)


def test_they_grow_in_time_from_before_the_command_to_its_end(measured: Measured) -> None:
    measured.run("sleep", "0.5", options=("--interval", 0.05, "--idle", 0.4))
    times = measured.seen("time_s")
    assert times == sorted(times)
    assert len(times) == measured.result["samples"]
    before = [time for time in times if time < measured.result["start_s"]]
    assert len(before) >= 3
    assert measured.result["start_s"] - times[0] >= 0.35
    assert times[-1] >= measured.result["end_s"]
    assert all("rss_bytes" not in line for line in measured.lines[: len(before)])


def test_power_is_the_text_of_files_and_commands(measured: Measured) -> None:
    power, gone = measured.folder / "power1_input", measured.folder / "none"
    power.write_text("2500000\n")
    options: tuple[object, ...] = ("--interval", 0.05, "--read", f"power={power}")
    options += ("--read", f"gone={gone}", "--ask", "said=printf EXT5V_V=%s\\n5.1V 1 2")
    options += ("--ask", "fails=false", "--ask", "none=no-such-program", "--ask", "silent=true")
    measured.run("sleep", "0.3", options=options)
    for line in measured.lines:
        assert line["power"] == "2500000"
        assert line["said"].startswith("EXT5V_V=")
        assert not {"gone", "fails", "none", "silent"} & set(line)


def test_a_sensor_that_goes_and_comes_back_is_absent_meanwhile(measured: Measured) -> None:
    power = measured.folder / "power1_input"
    power.write_text("1")
    steps = f"sleep 0.3; : > '{power}'; sleep 0.3; rm '{power}'; sleep 0.3; echo 2 > '{power}'; sleep 0.3"
    measured.run("sh", "-c", steps, options=("--interval", 0.02, "--read", f"power={power}"))
    texts = [line.get("power") for line in measured.lines]
    kept = [text for n, text in enumerate(texts) if n == 0 or text != texts[n - 1]]
    assert kept == ["1", None, "2"]


def test_a_command_that_does_not_answer_ends_after_a_second(measured: Measured) -> None:
    measured.run("sleep", "0.2", options=("--ask", "slow=sleep 3600"))
    assert measured.lines
    assert not measured.seen("slow")
    assert measured.result["exit_status"] == 0


def watched(measured: Measured, script: str, until_bytes: int) -> None:
    """Runs a shell's script until so much was seen, a minute at most; then its input ends."""
    options = ("--interval", 0.05)
    with subprocess.Popen(
        measured.command(options, "sh", "-c", script), stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        for _ in range(1200):
            time.sleep(0.05)
            if (measured.folder / "s.jsonl").exists():
                measured.read()
                if max(measured.seen("pss_bytes"), default=0) > until_bytes:
                    break
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    measured.read()


def test_memory_is_that_of_all_that_the_command_starts(measured: Measured) -> None:
    """Two children of a shell: neither is the command itself."""
    python = f'exec 3<&0; "{sys.executable}" -c "{HUNDRED_MIB}" <&3 & '
    watched(measured, python * 2 + "exec 3<&-; wait", until_bytes=200 << 20)
    assert measured.result["processes"] == 3
    assert 200 << 20 < measured.result["peak_tree_pss_bytes"] < 260 << 20
    assert 200 << 20 < measured.result["peak_tree_rss_bytes"] < 280 << 20
    assert 100 << 20 < measured.result["peak_memory_bytes"] < 140 << 20


def test_a_child_left_behind_is_counted(measured: Measured) -> None:
    """Its parent has ended, and it belongs to no one but the measuring program."""
    script = f'exec 3<&0; (setsid "{sys.executable}" -c "{HUNDRED_MIB}" <&3 &); exec 3<&-; read -r _; exit 0'
    watched(measured, script, until_bytes=100 << 20)
    assert measured.result["peak_tree_pss_bytes"] > 100 << 20


def test_conditions_are_the_systems_own_words(measured: Measured) -> None:
    root = measured.folder / "sys"
    gauges = {
        "class/thermal/thermal_zone0/temp": "61234\n",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1400000\n",
        "devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    }
    for path, text in gauges.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text)
    measured.run("sleep", "0.1", options=("--sys", root))
    first = measured.lines[0]
    assert (first["temperature_c"], first["clock_mhz"]) == (pytest.approx(61.234), 1400)
    assert first["throttled_flags"] == 0x50005
    (root / "class/thermal/thermal_zone0/temp").write_text("no number\n")
    measured.run("sleep", "0.1", options=("--sys", root))
    assert not measured.seen("temperature_c")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_it_has_is_kept_when_it_is_ended(measured: Measured, number: int) -> None:
    power = measured.folder / "power"
    power.write_text("7")
    options = ("--interval", 0.02, "--read", f"power={power}")
    with subprocess.Popen(measured.command(options, "sleep", "5")) as process:
        samples = measured.folder / "s.jsonl"
        while not (samples.exists() and samples.stat().st_size > 1000):
            time.sleep(0.05)
        process.send_signal(number)
        process.wait(timeout=60)
    measured.read()
    assert len(measured.seen("power")) >= 10
    if number == signal.SIGTERM:
        assert measured.result["exit_status"] == 128 + number


def test_samples_outlive_a_command_that_is_killed(measured: Measured) -> None:
    script = "sleep 0.3; kill -KILL $$"
    assert measured.run("sh", "-c", script, options=("--interval", 0.02)) == 128 + signal.SIGKILL
    assert measured.result["exit_status"] == 128 + signal.SIGKILL
    assert len(measured.lines) >= 10


def test_a_full_disk_ends_the_samples_not_the_command(measured: Measured) -> None:
    (measured.folder / "s.jsonl").symlink_to("/dev/full")
    done = subprocess.run(
        measured.command(("--interval", 0.05), "sh", "-c", "sleep 1.5; echo done"),
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n")
    result = json.loads((measured.folder / "measure.json").read_text())
    assert "No space left on device" in result["samples_stopped"]


WAKE_UPS = """
import resource, time
def seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
began = time.monotonic(), seconds()
while time.monotonic() < began[0] + 4:
    time.sleep(0.02)
print((seconds() - began[1]) / (time.monotonic() - began[0]))
"""
"""The share of a core that 50 wake-ups a second take on this machine, whatever is done in them."""


@pytest.mark.slow
def test_50_samples_a_second_take_a_quarter_of_a_percent_of_a_core(measured: Measured) -> None:
    """Beyond the wake-ups: on a virtual machine these are dear. The least of three each, as beside
    other work caches are cold and both take longer."""
    power = measured.folder / "power"
    power.write_text("2500000")
    shares, bare = [], []
    for _ in range(3):
        measured.run("sleep", "4", options=("--interval", 0.02, "--read", f"power={power}"))
        assert measured.result["samples"] >= 4 * 50 * 0.5
        shares.append(measured.result["measuring_s"] / measured.result["wall_s"])
        done = subprocess.run([sys.executable, "-c", WAKE_UPS], check=True, capture_output=True)
        bare.append(float(done.stdout))
    assert min(shares) - min(bare) < 0.0025


def test_a_command_that_takes_too_much_memory_is_ended(measured: Measured) -> None:
    """By a cgroup where this account may make one; else allocating fails."""
    status = measured.run(
        sys.executable, "-c", "b'x' * (100 << 20)", options=("--memory-limit", 64)
    )
    assert status != 0
    assert measured.result["memory_limit_bytes"] == 64 << 20
    by_cgroup = measured.result["memory_limit_by"] == "cgroup"
    assert measured.result["killed_for_memory"] is by_cgroup
    assert status == (128 + signal.SIGKILL if by_cgroup else 1)
    told = f"{sys.executable} was killed for memory under a limit of 64 MiB (cgroup)\n"
    assert (measured.said == f"edgebnn-measure: {told}") is by_cgroup
    assert measured.run(sys.executable, "-c", "1", options=("--memory-limit", 64)) == 0
    assert measured.result["killed_for_memory"] is False


def test_the_clock_is_the_one_of_the_samples(measured: Measured) -> None:
    with subprocess.Popen(
        [measured.program, "--clock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as clock:
        assert clock.stdin is not None
        assert clock.stdout is not None
        for _ in range(3):
            before = time.clock_gettime(time.CLOCK_MONOTONIC)
            print(file=clock.stdin, flush=True)
            told = float(clock.stdout.readline())
            assert before <= told <= time.clock_gettime(time.CLOCK_MONOTONIC)
        clock.stdin.close()
        assert clock.wait(timeout=60) == 0
