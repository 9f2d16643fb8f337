"""What is known beforehand: the documents' tables, as they are read; and time, of records and of estimates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebnn.bench.arm.boards import BOARDS
from edgebnn.bench.cases import Case, methods
from edgebnn.bench.products import by_kernel
from edgebnn.fit.boards import KINDS
from edgebnn.fit.choices import choices, measured_choices
from edgebnn.fit.counted import Counted, counted
from edgebnn.fit.speed import Asked, _factors, _in_loops, _sizes, benched, estimated, measured
from edgebnn.memory.arena import plan_arena
from edgebnn.record import Metric, Provenance, Record
from edgebnn.study.switches import PRESETS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "performance.md"
LEAN = PRESETS["lean"]


@pytest.fixture(scope="module")
def known() -> Counted:
    found = counted(ROOT / "none", DOCUMENT)
    assert found is not None
    return found


def row(*first: str) -> list[float]:
    """The document's figures behind these cells, as they stand there."""
    begin = "| " + " | ".join(first) + " |"
    [line] = [line for line in DOCUMENT.read_text().splitlines() if line.startswith(begin)]
    cells = (cell.strip().rstrip("%") for cell in line.removeprefix(begin).split("|"))
    return [float(cell) for cell in cells if cell]


def test_the_documents_figures_are_read(known: Counted) -> None:
    _, lean, _ = row("BinaryNet, batch 40", "aarch64-linux")
    assert known.instructions["binarynet", 40, "lean"] == pytest.approx(lean * 1e9)
    i16, _, _ = row("MLP, batch 200", "aarch64-linux")
    assert known.instructions["mlp", 200, "proposed i16"] == pytest.approx(i16 * 1e9)
    assert known.costs["cortex-a53"]["binary_binary"].cycles == pytest.approx(65 / 2048)
    assert {board.processor for board in BOARDS} == known.costs.keys()


def test_measured_accuracies_are_read_with_their_methods() -> None:
    found = measured_choices(ROOT / "config", ROOT / "docs" / "switches.md")
    by_method = {(c.optimizer, c.switches): c.accuracy for c in found}
    assert by_method["adam", PRESETS["proposed"]] == 96.58
    assert by_method["bop", PRESETS["bare"]] == 96.50
    assert by_method["sgd", PRESETS["standard"]] == 97.14
    joint = [c for c in choices(found) if not c.measured]
    assert len(joint) > 50 and all(c.optimizer == "adam" for c in joint)
    assert measured_choices(ROOT / "none", ROOT / "docs" / "switches.md") == []


def test_what_is_reckoned_of_other_networks_is_as_near_as_the_document_says(known: Counted) -> None:
    costs = known.costs["cortex-a53"]
    a, b = _factors(known, costs)
    for (model, batch, name), instructions in known.instructions.items():
        network = Case(model, batch).network
        rest = instructions - _in_loops(by_kernel(network, batch, methods()[name]), costs)
        maps, weights = _sizes(network, batch)
        assert 0.77 <= (a * maps + b * weights) / rest <= 1.23


def test_a_counted_step_takes_the_time_of_the_documents_table(known: Counted, native: None) -> None:
    network = Case("binarynet", 40).network
    asked = Asked("mine", network, 40, "adam", LEAN)  # whatever its name
    arena = plan_arena(network, 40, "adam", LEAN).arena_bytes
    one, four, *_ = row("BinaryNet, batch 40", "lean", "Pi 3B+")
    for threads, step_s in ((1, one), (4, four), (64, four)):
        found = estimated(asked, BOARDS[0], threads, arena, known)
        assert found is not None and found.source == "estimated"
        assert found.step_s == pytest.approx(step_s, rel=0.02)
        assert "counted for this step (docs/performance.md)" in found.said
    twice = estimated(Asked("mine", network, 80, "adam", LEAN), BOARDS[0], 1, 2 * arena, known)
    assert twice is not None and "reckoned" in twice.said
    assert 1.5 * one < twice.step_s < 2.6 * one


def made(
    batch: int = 200, started: str = "2026-01-01T00:00:00", **parameters: str | int | float
) -> Record:
    seconds = Metric(value=0.5 * batch / 200, source="measured")
    return Record(
        stage="device",
        run_id="r",
        parameters={
            "board": "rpi3b+", "model": "mlp", "input": "28x28x1", "optimizer": "adam",
            "batch_size": batch, **LEAN.model_dump(), **parameters,
        },
        metrics={"time_per_batch_s": seconds, "energy_per_batch_j": Metric(value=1.0, source="measured")},
        provenance=Provenance(git_commit="", host="pi", machine="", versions={}, started=started),
    )  # fmt: skip


def test_a_measured_time_is_of_this_very_case() -> None:
    asked = Asked("mlp", Case("mlp", 200).network, 100, "adam", LEAN)
    others = [made(board="rpi5"), made(model="cnv"), made(input="8x8x1"), made(optimizer="sgd"), made(ste="identity")]  # fmt: skip
    assert measured(asked, "rpi3b+", others) is None
    found = measured(asked, "rpi3b+", [*others, made(1000), made(200)])
    assert found is not None
    assert (found.step_s, found.step_j, found.source) == (0.25, 0.5, "estimated")
    assert "on pi, 2026-01-01 with batch size 200, and taken in proportion" in found.said
    found = measured(asked, "rpi3b+", [made(100), made(200)])
    assert found is not None and (found.step_s, found.source) == (0.25, "measured")


def test_this_machines_time_is_of_its_newest_bench(tmp_path: Path) -> None:
    asked = Asked("mlp", Case("mlp", 200).network, 400, "adam", LEAN)
    assert benched(asked, 1, tmp_path) is None
    for name, seconds in (("20260101-000000", 9.0), ("20260102-000000", 0.004)):
        row = {
            "model": "mlp",
            "batch_size": 200.0,
            "threads": 1.0,
            "contestant": "lean",
            "step_s": seconds,
        }
        record = made().model_copy(update={"tables": {"steps": [row]}})
        record.write(tmp_path / "bench" / f"{name}.json")
    found = benched(asked, 1, tmp_path)
    assert found is not None and found.step_s == pytest.approx(0.008)
    assert benched(asked, 2, tmp_path) is None


def test_the_kinds_of_board_stand_in_the_document() -> None:
    text = (ROOT / "docs" / "fit.md").read_text()
    for kind in KINDS.values():
        assert f"| `{kind.name}` | {kind.memory_mib} | {kind.idle_w} | {kind.core_w} |" in text


def test_json_is_for_programs(native: None, capsys: pytest.CaptureFixture[str]) -> None:
    from edgebnn.cli import main

    arguments = ["fit", "--model", "binarynet", "--board", "rpi3b+", "--memory", "64MiB", "--batch-size", "40", "--json"]  # fmt: skip
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["fits"], found["arena_bytes"], found["dataset"]) == (False, 71873320, "cifar10")
    assert found["ways"][0]["changes"] == {"momentum_dtype": "i8"}
    assert found["speed"]["steps_an_epoch"] == 45833 // 40
