"""What a step costs on a board without one: the count, and the tables of its record."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.bench.arm.__main__ import CASES, main
from edgebnn.bench.arm.instructions import EMULATORS, IMAGES, instructions_per_step
from edgebnn.bench.arm.tables import instructions_table
from edgebnn.bench.documents import DOCUMENTS, refresh
from edgebnn.bench.synthetic import write_images
from edgebnn.record import Provenance, Record
from edgebnn.study.switches import PRESETS

ROOT = Path(__file__).parents[2]
AARCH64 = "aarch64-linux"


def record() -> Record:
    return Record(
        stage="bench-arm",
        run_id="1",
        parameters={"threads": 1},
        metrics={},
        tables={
            "instructions": [
                {
                    "model": "mlp",
                    "batch_size": 200,
                    "method": method,
                    "target": target,
                    "instructions": count,
                }
                for target in (AARCH64, "armv7-linux")
                for method, count in (("proposed i16", 61.5e6), ("lean", 12.34e9))
            ]
        },
        provenance=Provenance(
            git_commit="0",
            host="this machine",
            machine="Some Processor, 2 cores",
            versions={"python": "3", "qemu-aarch64": "7.2"},
            started="2026-01-02T03:04:05+00:00",
        ),
    )


def test_counts_are_beside_the_papers_figures() -> None:
    text = instructions_table(record())
    assert text.startswith("Of 2026-01-02, without a board: qemu-aarch64 7.2.\n")
    assert text.splitlines()[-2:] == [
        "| MLP, batch 200 | aarch64-linux | 0.0615 | 12.3 | 0.51 | 0.98 |",
        "| MLP, batch 200 | armv7-linux | 0.0615 | 12.3 |  | 0.98 |",
    ]


def test_the_tables_of_the_other_bench_stay(tmp_path: Path) -> None:
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    refresh(record(), tmp_path)
    before = (ROOT / "docs" / "performance.md").read_text()
    after = (tmp_path / "docs" / "performance.md").read_text()
    assert "| MLP, batch 200 | aarch64-linux | 0.0615 | 12.3 | 0.51 | 0.98 |" in after
    assert before[: before.index("<!-- arm-")] == after[: after.index("<!-- arm-")]
    assert (tmp_path / "README.md").read_text() == (ROOT / "README.md").read_text()


def test_a_wrong_option_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--method", "leen"]) == 2
    assert "--method: found 'leen' (did you mean 'lean'?); allowed are " in capsys.readouterr().err


@pytest.mark.slow
def test_a_step_is_counted_and_the_count_repeats(
    built: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(EMULATORS[AARCH64]) is None:
        pytest.skip(f"no {EMULATORS[AARCH64]} on the PATH")
    monkeypatch.chdir(ROOT)
    trainer = built(AARCH64) / "edgebnn-train"
    case, data = CASES["mlp"], tmp_path / "random.ebd"
    write_images(case, data, IMAGES)
    first, second = (
        instructions_per_step(case, PRESETS["lean"], AARCH64, trainer, data) for _ in range(2)
    )
    assert first == second
    assert 1e6 < first < 1e9
