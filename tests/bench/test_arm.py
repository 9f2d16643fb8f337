"""What a step costs on a board without one: the count, and the tables of its record."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.bench.arm.__main__ import CASES, main
from edgebnn.bench.arm.boards import Board
from edgebnn.bench.arm.estimate import Cost, estimate
from edgebnn.bench.arm.estimates import board_rows
from edgebnn.bench.arm.instructions import EMULATORS, IMAGES, count_of_step
from edgebnn.bench.arm.loops import Loop, dominating_loop
from edgebnn.bench.arm.mca import Timing, parsed
from edgebnn.bench.arm.tables import (
    boards_table,
    estimates_table,
    instructions_table,
    loops_table,
)
from edgebnn.bench.documents import DOCUMENTS, refresh
from edgebnn.bench.synthetic import write_images
from edgebnn.errors import JobError
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
            ],
            "loops": [
                {
                    "kernel": "k",
                    "processor": "p",
                    "multiply_adds": 512,
                    "instructions": 42,
                    "cycles": 64,
                    "limit_cycles": 32,
                    "width": 2,
                }
            ],
            "estimates": [
                {
                    "model": "mlp",
                    "batch_size": 200,
                    "method": "lean",
                    "board": board,
                    "threads": threads,
                    "step_s": 0.08 / threads,
                    "products_s": 0.02 / threads,
                    "rest_s": 0.06 / threads,
                    "memory_s": 0.0018,
                }
                for board in ("Pi 3B+", "Pi 5")
                for threads in (1, 4)
            ],
            "boards": board_rows(),
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
        "| MLP, batch 200 | aarch64-linux | 0.0615 | 12.3 | 0.51 |",
        "| MLP, batch 200 | armv7-linux | 0.0615 | 12.3 |  |",
    ]


def test_loops_are_beside_their_limits_and_estimates_beside_the_paper() -> None:
    assert loops_table(record()).splitlines()[2:] == [
        "| k | p | 42 | 512 | 64 | 32 | 2.00 | 8.0 | 2 |"
    ]
    assert estimates_table(record()).splitlines()[2:] == [
        "| MLP, batch 200 | lean | Pi 3B+ | 0.08 | 0.02 | 25% | 0.0018 | 0.98 |",
        "| MLP, batch 200 | lean | Pi 5 | 0.08 | 0.02 | 25% | 0.0018 |  |",
    ]
    assert "| Pi 5 | 4 x cortex-a76 | 2.4 |" in boards_table(record())


def test_an_estimate_by_hand() -> None:
    board = Board("b", "p", 4, clock_hz=1e9, rest_cycles=2.0, bytes_per_s=1e9)
    work = {
        "instructions": 3e9,
        "multiply_adds": {"x": 8 * 10**9, "y": 10**9},
        "costs": {"x": Cost(cycles=0.25, instructions=0.125), "y": Cost(1.0, 0.5)},
        "moved_bytes": 2e9,
    }
    alone = estimate(board, 1, **work)
    assert (alone.products_s, alone.rest_s, alone.memory_s) == (3.0, 3.0, 2.0)
    assert alone.seconds == 6.0
    together = estimate(board, 4, **work)
    assert (together.products_s, together.rest_s) == pytest.approx((3.0 / 3.6, 3.0 / 3.6))
    assert together.seconds == 2.0  # memory's floor


def test_the_dominating_loop_is_an_innermost_one() -> None:
    text = """
0000000000000000 <one>:
       0:      \tcnt\tv0.16b, v0.16b
       4:      \tcnt\tv1.16b, v1.16b
       8:      \tadd\tx8, sp, #4, lsl #12     // =16384
       c:      \tsubs\tx9, x9, #1
      10:      \tb.ne\t0x8 <one+0x8>
      14:      \tcbnz\tx10, 0x0 <one>

0000000000000000 <two>:
       0:      \tcnt\tv0.16b, v0.16b
       4:      \ttbz\tw1, #3, 0x0 <two>
       8:      \tcbz\tx1, 0x20 <two+0x20>
"""
    loop = dominating_loop(text, "binary_binary")
    assert loop == Loop(("cnt v0.16b, v0.16b", "tbz w1, #3, 0x0"), 128)
    assert dominating_loop(text, "short_binary") is None


@pytest.mark.parametrize(
    ("kernel", "table", "terms"), [("short_binary", 2, 4), ("byte_binary", 1, 8)]
)
def test_look_ups_count_what_their_tables_hold(kernel: str, table: int, terms: int) -> None:
    """Two look-ups give 16 lanes four terms of shorts, or eight terms of bytes."""
    tables = ", ".join(f"v{i}.16b" for i in range(table))
    text = f"""
0000000000000000 <one>:
       0:      \ttbl\tv8.16b, {{ {tables} }}, v4.16b
       4:      \ttbl\tv9.16b, {{ {tables} }}, v5.16b
       8:      \tb.ne\t0x0 <one>
"""
    loop = dominating_loop(text, kernel)
    assert loop is not None
    assert loop.multiply_adds == 16 * terms


def test_a_report_of_llvm_mca() -> None:
    report = """Iterations:        200
Instructions:      8400
Total Cycles:      11601
Total uOps:        8400

Dispatch Width:    2
uOps Per Cycle:    0.72
IPC:               0.72
Block RThroughput: 32.5
"""
    assert parsed(report) == Timing(42.0, 58.005, 32.5, 2.0)
    with pytest.raises(JobError, match="no line 'Dispatch Width'"):
        parsed(report.replace("Dispatch", "Despatch"))


def test_the_tables_of_the_other_bench_stay(tmp_path: Path) -> None:
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    refresh(record(), tmp_path)
    before = (ROOT / "docs" / "performance.md").read_text()
    after = (tmp_path / "docs" / "performance.md").read_text()
    assert "| MLP, batch 200 | aarch64-linux | 0.0615 | 12.3 | 0.51 |" in after
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
    first, second = (count_of_step(case, PRESETS["lean"], AARCH64, trainer, data) for _ in range(2))
    # All but the printing of times, which differ: some hundred instructions.
    assert first.instructions == pytest.approx(second.instructions, rel=1e-4)
    assert first.buffer_bytes == second.buffer_bytes
    assert 1e6 < first.instructions < 1e9
    assert 1e5 < first.buffer_bytes < 1e8
