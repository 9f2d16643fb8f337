"""Two runs or two methods side by side: what differs, what is apart, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.errors import ConfigError
from edgebnn.report.side_by_side import pairs
from edgebnn.summary import Summary, read_summary

from .made import study, training, write


@pytest.fixture
def plan(tmp_path: Path) -> Summary:
    write(tmp_path, study())
    return read_summary(tmp_path / "plan.json")


def test_methods_are_compared_wherever_the_study_has_both(plan: Summary, tmp_path: Path) -> None:
    found = pairs("standard", "proposed", plan, tmp_path)
    assert [pair.title for pair in found] == [
        "mnist, emulate, batch size 100",
        "mnist-board, device, rpi3b+, batch size 200",
        "mnist-board, device, virtual, batch size 200",
        "memory-cifar10-binarynet, memory, batch size 100",
        "memory-cifar10-cnv, memory, batch size 100",
        "memory-mnist-mlp, memory, batch size 100",
    ]
    trained, board, virtual, modelled, *_ = found
    assert [name for name, *_ in trained.settings] == ["method"]
    assert trained.rows[0].metric == "test_accuracy_at_best"
    assert trained.rows[0].left is not None and trained.rows[0].left.seeds == 3
    assert trained.rows[0].apart is False
    assert board.rows[0].apart is None  # of one seed each
    assert virtual.rows[0].left is not None and virtual.rows[0].left.virtual
    (memory,) = modelled.rows
    assert memory.ratio == pytest.approx(138.15 / 512.85, rel=1e-3)
    assert ("gradient_dtype", "f32", "f16") in modelled.settings


def test_what_is_apart_is_so_by_more_than_the_spread(tmp_path: Path) -> None:
    slow = [training("emulate", "standard", seed, seconds=0.5 + seed / 100) for seed in range(3)]
    fast = [training("emulate", "proposed", seed, seconds=0.4 + seed / 100) for seed in range(3)]
    write(tmp_path, {"mnist": slow + fast})
    (pair,) = pairs("standard", "proposed", read_summary(tmp_path / "plan.json"), tmp_path)
    apart = {row.metric: row.apart for row in pair.rows}
    assert apart["time_per_batch_s"] is True and apart["test_accuracy"] is False


def test_runs_are_compared_by_id_or_by_file(plan: Summary, tmp_path: Path) -> None:
    left = "mnist-mlp-standard-b200-s0-rpi3b+-1"
    file = tmp_path / "device" / "mnist-mlp-lean-b200-s0-rpi3b+-1.json"
    (pair,) = pairs(left, str(file), None, tmp_path)
    assert pair.title == "device"
    assert pair.settings == [("method", "standard", "lean")]
    (pair,) = pairs(left, "mnist-mlp-standard-b100-s0-here-e", plan, tmp_path)
    assert pair.title == "device and emulate"
    energy = next(row for row in pair.rows if row.metric == "energy_per_batch_j")
    assert (energy.right, energy.ratio, energy.apart) == (None, None, None)


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("standart", "proposed", ["'standart'", "did you mean 'standard'", "standard, proposed, lean"]),
        ("standard", "mnist-mlp-lean-b200-s0-rpi3b+-1", ["is a run", "'standard' a method"]),
        ("none/here.json", "standard", ["none/here.json: no such file"]),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(
    left: str, right: str, words: list[str], plan: Summary, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        pairs(left, right, plan, tmp_path)
    assert all(word in str(refused.value) for word in words)


def test_methods_that_meet_nowhere(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a": [training("emulate", "lean", 0)],
            "b": [training("device", "standard", 0, board="x")],
        },
    )
    with pytest.raises(ConfigError, match="in no experiment together"):
        pairs("lean", "standard", read_summary(tmp_path / "plan.json"), tmp_path)
    with pytest.raises(ConfigError, match="methods are none"):
        pairs("lean", "standard", None, tmp_path)


def test_the_command_prints_tables_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = [training("emulate", "standard", seed, seconds=0.5) for seed in range(2)]
    fast = [training("emulate", "lean", seed, seconds=0.4) for seed in range(1, 3)]
    write(tmp_path, {"mnist": slow + fast})
    arguments = ["compare", "standard", "lean", "--plan", str(tmp_path / "plan.json")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "0.800x" in said and "apart" in said and "within ±" in said
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["figures"]["test_accuracy_at_best"]["left"]["value"] == pytest.approx(0.9005)
