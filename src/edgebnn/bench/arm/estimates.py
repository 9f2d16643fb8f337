"""The record's rows that no count gives: `loops` by llvm-mca, `estimates` of a step on each board, and `boards`.

- `loops`, modelled, a row a kernel and processor: of an iteration `instructions`, `multiply_adds`,
  `cycles`, `limit_cycles`, and `width`, the micro-operations that can issue a cycle.
- `estimates`, a row a network, method, board and number of threads: `step_s`, of it `products_s` and
  `rest_s`; `memory_s` is the floor.
- `boards`: what is assumed.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from edgebnn.bench.arm.boards import BOARDS, EFFICIENCY
from edgebnn.bench.arm.estimate import Cost, estimate
from edgebnn.bench.arm.loops import COUNTED, TARGET, disassembled, dominating_loop
from edgebnn.bench.arm.mca import timing_of
from edgebnn.bench.cases import Case, methods
from edgebnn.bench.products import by_kernel

Row = dict[str, str | float]
PASSES = 2
"""Assumed: every buffer is written once and read once in a step."""


def loop_rows(folder: Path) -> list[Row]:
    """Of every product's dominating loop on every processor; none without LLVM's tools.

    Args:
        folder: of the build for TARGET.

    Raises:
        JobError: an object is missing, or a tool fails.
    """
    rows: list[Row] = []
    for kernel in COUNTED:
        text = disassembled(TARGET, kernel, folder)
        loop = dominating_loop(text, kernel) if text is not None else None
        for board in BOARDS:
            timing = timing_of(loop, board.processor) if loop else None
            if loop and timing:
                row: Row = {"kernel": kernel, "processor": board.processor, "source": "modelled"}
                rows.append({**row, "multiply_adds": loop.multiply_adds, **asdict(timing)})
    return rows


def board_rows() -> list[Row]:
    """The boards, and what is assumed of them and of every step."""
    return [{**asdict(board), "efficiency": EFFICIENCY, "passes": PASSES} for board in BOARDS]


def estimate_rows(cases: tuple[Case, ...], counts: list[Row], loops: list[Row]) -> list[Row]:
    """An estimate of every count for TARGET whose kernels' loops are known, on one core and on all.

    Args:
        counts: rows of the record's table `instructions`.
        loops: as loop_rows makes them.
    """
    known = {case.model: case for case in cases}
    rows: list[Row] = []
    for count in counts:
        case, switches = known[str(count["model"])], methods()[str(count["method"])]
        multiply_adds = by_kernel(case.network, case.batch_size, switches)
        for board in BOARDS:
            costs = _costs(loops, board.processor)
            if count["target"] != TARGET or not multiply_adds.keys() <= costs.keys():
                continue
            for threads in (1, board.cores):
                found = estimate(
                    board,
                    threads,
                    instructions=float(count["instructions"]),
                    multiply_adds=multiply_adds,
                    costs=costs,
                    moved_bytes=PASSES * float(count["buffer_bytes"]),
                )
                place: Row = {name: count[name] for name in ("model", "batch_size", "method")}
                place |= {"board": board.name, "threads": threads, "source": "estimated"}
                rows.append({**place, "step_s": found.seconds, **asdict(found)})
    return rows


def _costs(loops: list[Row], processor: str) -> dict[str, Cost]:
    found = {}
    for row in loops:
        if row["processor"] == processor:
            cycles, instructions, adds = (
                float(row[name]) for name in ("cycles", "instructions", "multiply_adds")
            )
            found[str(row["kernel"])] = Cost(cycles / adds, instructions / adds)
    return found
