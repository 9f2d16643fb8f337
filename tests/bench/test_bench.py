"""The yardstick itself: races, figures, and one quick run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.bench import measure
from edgebnn.bench.__main__ import main
from edgebnn.bench.contestant import Turn
from edgebnn.bench.machine import machine
from edgebnn.bench.race import race
from edgebnn.record import read_record

ROOT = Path(__file__).parents[2]


class Fake:
    """Takes `times` in turn; what it is asked for stays in `asked`."""

    def __init__(self, name: str, times: list[float]) -> None:
        self.name, self.times, self.asked = name, times, []

    def turn(self, steps: int) -> Turn:
        self.asked.append(steps)
        return Turn(self.times[len(self.asked) - 1], 1000 + len(self.asked), "fake")


def test_a_race_takes_turns_and_leaves_the_trial_out() -> None:
    quick, slow = Fake("quick", [0.01, 0.01, 0.02, 0.03]), Fake("slow", [2.0, 4.0, 5.0, 6.0])
    said: list[str] = []
    first, second = race([quick, slow], 3, 1.0, said.append)
    assert (quick.asked, slow.asked) == ([3, 100, 100, 100], [3, 3, 3, 3])
    assert first.step_s == (0.015, 0.02, 0.025)
    assert second.step_s == (4.5, 5.0, 5.5)
    assert first.peak_bytes == 1004
    assert said[0] == "round 1 of 3, ms a step: quick 10, slow 4000"


def test_a_machine_is_its_processor() -> None:
    text = "processor : 0\nmodel name\t: Some Chip\nflags\t\t: fpu avx2 avx512f\n"
    assert machine(text, 4).endswith(", Some Chip, 4 cores, avx2 avx512f")
    pi = "Features : fp asimd\n\nModel : Some Board\n"
    assert machine(pi, 4).endswith(", Some Board, 4 cores, asimd")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--only", "mlpp"],
            "--only: found 'mlpp' (did you mean 'mlp'?); allowed are mlp, mlp-b200, ",
        ),
        (["--rounds", "0"], "--rounds: found 0, allowed are 1 to "),
        (["--threads", "9999"], "--threads: found 9999, allowed are 1 to "),
    ],
)
def test_a_wrong_option_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_quick_run_writes_a_record(
    built: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    trainer = built("native") / "edgebnn-train"
    monkeypatch.setattr(measure, "native_trainer", lambda: trainer)
    output = tmp_path / "record.json"
    options = ["--quick", "--only", "mlp", "--threads", "1", "--ours", "--kernel", "scalar"]
    assert main([*options, "--output", str(output)]) == 0
    rows = read_record(output).tables["steps"]
    assert [row["contestant"] for row in rows] == ["proposed", "proposed i16", "lean"]
    assert all(row["step_s"] > 0 and row["peak_bytes"] > 0 for row in rows)
    assert {row["by"] for row in rows} == {"scalar"}
    assert "| MLP, batch 200 | 1 | lean (scalar) |" in capsys.readouterr().out
