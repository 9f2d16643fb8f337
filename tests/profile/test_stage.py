"""A profile through the real programs: what the trainer used, what the process took, and massif's pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.machine import MIB
from edgebnn.memory.arena import plan_arena
from edgebnn.profile.arena import GROUPS, shares
from edgebnn.profile.massif import OUT, read_massif
from edgebnn.record import file_sha256, read_record
from edgebnn.study.model_file import load_network, parse_network
from edgebnn.study.switches import PRESETS

from .conftest import ROOT, STEPS, VALGRIND, Profiled, Study

Profiles = Callable[[str], Profiled]
METHODS = ("standard", "proposed")


@pytest.mark.parametrize("method", METHODS)
def test_what_was_used_lies_within_the_plan(profiled: Profiles, method: str) -> None:
    buffers = profiled(method).arena.buffers
    assert len(buffers) > 50
    for buffer in buffers:
        if buffer.bytes:
            assert buffer.used is not None, buffer
            assert buffer.life[0] <= buffer.used[0] <= buffer.used[1] <= buffer.life[1], buffer


@pytest.mark.parametrize("method", METHODS)
def test_no_phase_needs_more_than_the_arena(profiled: Profiles, method: str) -> None:
    found = profiled(method)
    arena = found.arena
    by_phase = [list(of) for _, of in groupby(shares(arena), key=lambda share: share.phase)]
    assert len(by_phase) == len(arena.phases) == found.record.value("phases")
    planned = [sum(share.planned for share in phase) for phase in by_phase]
    used = [sum(share.used for share in phase) for phase in by_phase]
    assert all(0 < u <= p for u, p in zip(used, planned, strict=True))
    assert max(planned) <= arena.arena_bytes
    # Buffers begin at multiples of 64: more than that is not lost in the fullest phase.
    assert max(planned) > 0.98 * arena.arena_bytes
    rows = found.record.tables["phases"]
    assert sum(float(row["used_bytes"]) for row in rows) == sum(used)
    assert {row["group"] for row in rows} <= set(GROUPS)


@pytest.mark.parametrize("method", METHODS)
def test_the_process_holds_the_arena_and_little_else(profiled: Profiles, method: str) -> None:
    record = profiled(method).record
    values = {name: metric.value for name, metric in record.metrics.items()}
    assert values["arena_planned_mib"] == profiled(method).arena.arena_bytes / MIB
    assert values["arena_peak_mib"] <= values["arena_planned_mib"] < values["peak_memory_mib"]
    assert values["not_arena_mib"] == pytest.approx(
        values["peak_memory_mib"] - values["arena_peak_mib"]
    )
    assert values["not_arena_mib"] < 4  # a static program without Python
    resident = [size for _, size in record.series["system/memory_mib"]]
    assert resident
    assert max(resident) <= values["peak_memory_mib"]


def test_the_steps_are_on_the_clock_of_the_samples(profiled: Profiles) -> None:
    record = profiled("proposed").record
    steps = [(float(row["begin_s"]), float(row["end_s"])) for row in record.tables["steps"]]
    assert len(steps) == record.value("steps") == STEPS
    assert all(begin < end for begin, end in steps)
    assert all(before[1] <= after[0] + 2e-6 for before, after in pairwise(steps))
    times = [time for time, _ in record.series["system/memory_mib"]]
    assert times[0] >= 0
    assert times == sorted(times)
    assert steps[0][0] > 0


def test_the_record_says_whose_figures_they_are(profiled: Profiles) -> None:
    found = profiled("proposed")
    record = found.record
    assert record.stage == "profile"
    assert record.parameters["method"] == "proposed"
    assert record.parameters["threads"] == 1
    assert "board" not in record.parameters  # it ran here
    assert {"edgebnn-train", "kernels"} <= set(record.provenance.versions)
    assert {"profile", "samples", "figure"} <= set(record.artifacts)
    for artifact in record.artifacts.values():
        assert file_sha256(found.folder.parent / artifact.path) == artifact.sha256
    assert {path.name for path in found.folder.iterdir()} == {
        Path(artifact.path).name for artifact in record.artifacts.values()
    }


@pytest.mark.skipif(VALGRIND is None, reason="no valgrind on the PATH")
def test_massif_counts_the_arena_among_the_pages(profiled: Profiles) -> None:
    found = profiled("proposed")
    snapshots = read_massif((found.folder / OUT).read_text())
    rows = [(row["instructions"], row["bytes"]) for row in found.record.tables["massif"]]
    assert rows == list(snapshots)
    peak = max(size for _, size in snapshots)
    assert found.record.value("massif_peak_mib") == peak / MIB
    arena = found.arena.arena_bytes
    assert peak - snapshots[0][1] > arena  # the program is mapped first
    assert "pages that the process maps" in found.record.notes["massif"]
    assert "valgrind" in found.record.provenance.versions


def test_without_valgrind_the_rest_is_there(
    profiled: Profiles,
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    profiled("proposed")  # the trainer is there
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    output = tmp_path / "record.json"
    words = [str(study.run("proposed")), "--steps", "3", "--threads", "2"]
    assert main(["profile", *words, "--output", str(output)]) == 0
    assert "massif: absent: no valgrind on the PATH" in capsys.readouterr().err
    record = read_record(output)
    assert record.notes == {"massif": "absent: no valgrind on the PATH"}
    assert record.tables["massif"] == []
    assert "massif" not in record.artifacts
    assert record.value("massif_peak_mib") is None
    assert record.value("steps") == 3
    assert record.parameters["threads"] == 2
    figure = (tmp_path / record.artifacts["figure"].path).read_text()
    assert "massif: absent: no valgrind on the PATH" in figure


def test_without_an_output_a_table_says_where_the_figure_is(
    profiled: Profiles,
    study: Study,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    profiled("proposed")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setenv("COLUMNS", "200")
    run = study.run("proposed")
    assert main(["profile", str(run), "--steps", "2"]) == 0
    said = capsys.readouterr().out
    figure = study.results / "profile" / run.stem / "profile.svg"
    assert f"figure: {figure}" in said
    assert figure.is_file()
    for words in ("layer 5 (dense): W", "12..12", "process, measured peak", "no valgrind"):
        assert words in said


def test_a_failing_trainer_is_told(
    profiled: Profiles, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiled("proposed")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("EDGEBNN_KERNEL", "abacus")
    output = tmp_path / "record.json"
    assert main(["profile", str(study.run("proposed")), "--output", str(output)]) == 1
    said = output.with_name("record.json.failed").read_text()
    assert "exit status 2" in said
    assert "EDGEBNN_KERNEL: found 'abacus'" in said
    assert not output.exists()


POOLS = [
    {"conv": {"filters": 9, "kernel": 3}}, {"max_pool": 2}, "batch_norm", "sign",
    {"conv": {"filters": 17, "kernel": 3}}, "batch_norm", "sign", "max_pool",
    "flatten", {"dense": 10}, "batch_norm",
]  # fmt: skip


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_buffer_of_the_trainer_has_its_group(
    preset: str, profiled: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiled("proposed")
    monkeypatch.chdir(ROOT)
    known = {name for names in GROUPS.values() for name in names}
    optimizer = "bop" if PRESETS[preset].weight_dtype == "bool" else "adam"
    pools = parse_network({"input": [13, 17, 3], "layers": POOLS}, "case")
    for network in (load_network("mlp", ROOT / "config" / "models"), pools):
        arena = plan_arena(network, 20, optimizer, PRESETS[preset], threads=2)
        names = {buffer.name.rpartition(": ")[2] for buffer in arena.buffers}
        assert names <= known
