"""The trainer's own plan, as the native trainer tells it; and what is said where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgebnn.code import trainer_digest
from edgebnn.errors import ConfigError, JobError
from edgebnn.memory.arena import Arena, plan_arena
from edgebnn.memory.arena_view import show_arenas
from edgebnn.memory.stage import memory_record
from edgebnn.study.model_file import load_network, parse_network
from edgebnn.study.network import Network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS, Switches
from edgebnn.trainer.build import PROGRAMS, compile_trainer, is_current

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "config" / "models"
STANDARD, PROPOSED, LEAN = (PRESETS[name] for name in ("standard", "proposed", "lean"))

LAYERS: dict[str, list[Any]] = {
    # A pool in each of its places, strides, padding on one side and on both, odd sizes.
    "pools": [
        {"conv": {"filters": 9, "kernel": 3}}, {"max_pool": 2}, "batch_norm", "sign",
        {"conv": {"filters": 70, "kernel": 3, "stride": 2}}, "batch_norm", "sign", "max_pool",
        {"conv": {"filters": 17, "kernel": 1, "padding": "valid"}}, "batch_norm", "sign",
        "flatten", {"dense": 10}, "batch_norm",
    ],
    "one layer": ["flatten", {"dense": 10}, "batch_norm"],
}  # fmt: skip


@pytest.fixture
def native(built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The native trainer is there, and this is the project's folder."""
    built("native")
    monkeypatch.chdir(ROOT)


def network_of(model: str) -> Network:
    if model in LAYERS:
        return parse_network({"input": [13, 17, 3], "layers": LAYERS[model]}, "case")
    return load_network(model, MODELS)


@dataclass(frozen=True)
class Case:
    """A run to plan; `changes` are switches set otherwise than in `proposed`."""

    model: str
    batch_size: int
    optimizer: str
    threads: int
    changes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        changes = (f"{name}={value}" for name, value in self.changes.items())
        words = [self.model, f"b{self.batch_size}", self.optimizer, *changes, f"t{self.threads}"]
        return "-".join(words)

    def plan(self) -> Arena:
        switches = Switches(**{**PROPOSED.model_dump(), **self.changes})
        network = network_of(self.model)
        return plan_arena(network, self.batch_size, self.optimizer, switches, self.threads)


CASES = [
    Case("mlp", 200, "adam", 1),
    Case("cnv", 100, "sgd", 2, {"gradient_dtype": "i8"}),
    Case("binarynet", 40, "bop", 1),
    Case("pools", 7, "bop", 3, {"gradient_dtype": "i16", "weight_gradient": "f32"}),
    Case("pools", 1, "sgd", 1, {"ste": "identity", "momentum_dtype": "i8"}),
    Case("one layer", 40, "adam", 3, {"activations": "f32", "batch_norm": "l1"}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("native")
def test_buffers_that_live_at_once_lie_apart(case: Case) -> None:
    arena = case.plan()
    buffers = [buffer for buffer in arena.buffers if buffer.bytes]
    assert max(buffer.offset + buffer.bytes for buffer in buffers) == arena.arena_bytes
    for i, a in enumerate(buffers):
        for b in buffers[:i]:
            in_time = a.life[0] <= b.life[1] and b.life[0] <= a.life[1]
            in_place = a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes
            assert not (in_time and in_place), (a, b)
    weights = [buffer for buffer in buffers if buffer.name.endswith(": W")]
    assert len(weights) == arena.blocks
    assert {buffer.type for buffer in weights} == {"bit" if case.optimizer == "bop" else "q15"}


@pytest.mark.parametrize(("switches", "size"), [(PROPOSED, 71873320), (LEAN, 31407400)])
@pytest.mark.usefixtures("native")
def test_binarynets_arena(switches: Switches, size: int) -> None:
    arena = plan_arena(load_network("binarynet", MODELS), 40, "adam", switches)
    assert arena.arena_bytes == size
    assert "v" not in {buffer.name.split(": ")[-1] for buffer in arena.buffers}


@pytest.mark.usefixtures("native")
def test_threads_take_memory() -> None:
    one, three = (Case("mlp", 100, "adam", threads).plan().arena_bytes for threads in (1, 3))
    assert one < three


@pytest.mark.parametrize("model", ["resnete18", "bireal18"])
def test_a_network_that_is_not_trained_has_no_plan(model: str) -> None:
    network = load_network(model, MODELS)
    with pytest.raises(ConfigError, match=r"layer \d+ \(\w+\): not yet trained by this version"):
        plan_arena(network, 1, "adam", PROPOSED)
    (line,) = view(model, {"standard": STANDARD, "lean": LEAN}, width=300).splitlines()
    assert "this trainer's arena: none of standard, lean: layer 1 (conv): not yet trained" in line


@pytest.mark.usefixtures("native")
def test_what_the_trainer_refuses_is_said_and_the_rest_is_shown() -> None:
    i16 = Switches(**{**PROPOSED.model_dump(), "gradient_dtype": "i16"})
    with pytest.raises(ConfigError, match=r"^batch_size: found 1000, at most \d+ is allowed"):
        plan_arena(load_network("cnv", MODELS), 1000, "adam", i16)
    text = view("cnv", {"mine": i16, "lean": LEAN}, batch_size=1000)
    assert "none of mine: batch_size: found 1000, at most" in text
    size = plan_arena(load_network("cnv", MODELS), 1000, "adam", LEAN).arena_bytes
    assert f"{size}" in text
    assert "mine MiB" not in text
    run = memory_run("cnv", i16, batch_size=1000)
    assert set(memory_record(run).metrics) == {"memory_mib", "memory_by_papers_rule_mib"}


@pytest.mark.usefixtures("native")
def test_methods_are_shown_side_by_side_to_the_byte() -> None:
    text = view("mlp", {"standard": STANDARD, "lean": LEAN}, width=80)
    for switches in (STANDARD, LEAN):
        arena = plan_arena(load_network("mlp", MODELS), 100, "adam", switches)
        assert f"{arena.arena_bytes}" in text
    assert "layer 2 (dense): W" in text


@pytest.mark.usefixtures("native")
def test_the_record_holds_both() -> None:
    run = memory_run("mlp", PROPOSED)
    record = memory_record(run)
    assert (record.stage, record.run_id) == ("memory", run.id)
    assert {metric.source for metric in record.metrics.values()} == {"modelled"}
    planned = plan_arena(run.network, 100, "adam", PROPOSED).arena_bytes
    assert record.value("arena_planned_mib") * 2**20 == planned
    rows = record.tables["variables"]
    assert sum(float(row["mib"]) for row in rows) == pytest.approx(record.value("memory_mib"))


@pytest.mark.heavy
def test_a_trainer_that_does_not_build_costs_the_second_table_alone(tmp_path: Path) -> None:
    for part in ("src", "rpi", "config/models"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for source in (tmp_path / "rpi" / "src").rglob("*.cc"):  # whichever comes first
        source.write_text("int broken() { return nothing; }\n")
    done = memory(tmp_path)
    assert done.returncode == 0
    assert "2.664" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "arena" in line]
    assert "not known: build for native failed: " in line
    assert "error: use of undeclared identifier 'nothing'" in line
    assert "building the C++ trainer for this machine" in done.stderr
    assert not (tmp_path / "build" / "native" / ".sources").exists()


def test_no_compiler_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edgebnn.trainer.build.find_spec", lambda name: None)
    with pytest.raises(JobError, match="the Python package ziglang is missing"):
        compile_trainer("native", print)


def test_programs_are_current_until_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edgebnn.trainer.build.SHIPPED", tmp_path)
    assert not is_current("native")
    source = tmp_path / "rpi" / "src" / "main.cc"
    source.parent.mkdir(parents=True)
    source.write_text("int main() {}\n")
    (tmp_path / "rpi" / "SConstruct").touch()
    folder = tmp_path / "build" / "native"
    folder.mkdir(parents=True)
    (folder / ".sources").write_text(trainer_digest(tmp_path))
    assert not is_current("native")
    for program in PROGRAMS:
        (folder / program).touch()
    assert is_current("native")
    source.write_text("int main() { return 1; }\n")
    assert not is_current("native")


def view(model: str, methods: dict[str, Switches], width: int = 200, batch_size: int = 100) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        show_arenas(load_network(model, MODELS), batch_size, "adam", methods, 1, (), console)
    return captured.get()


def memory_run(model: str, switches: Switches, batch_size: int = 100) -> Run:
    return Run(
        stage="memory",
        dataset="mnist",
        model=model,
        network=load_network(model, MODELS),
        switches=switches,
        optimizer=Optimizer(),
        batch_size=batch_size,
    )


def memory(folder: Path) -> subprocess.CompletedProcess[str]:
    """`edgebnn memory` of a source tree, in its folder, on a wide terminal."""
    return subprocess.run(
        [sys.executable, "-m", "edgebnn.cli", "memory", "--model", "mlp"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "300", "PYTHONPATH": str(folder / "src")},
    )
