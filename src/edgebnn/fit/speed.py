"""What a step and an epoch take on a board: measured there, by an earlier study, or estimated.

Estimated, a step is that of bench/arm/estimate.py: its products by the cycles of their inner loops, and the rest
by its instructions. Those are counted where `make bench-arm` has counted this very step. Of another network they
are taken as

    rest = a · elements of all weighted layers' outputs in a batch + b · weights

with a and b as they suit the counted steps best (least squares of the ratios; these come within a quarter).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebnn.bench.arm.boards import Board
from edgebnn.bench.arm.estimate import Cost, estimate
from edgebnn.bench.arm.estimates import PASSES
from edgebnn.bench.cases import Case, methods
from edgebnn.bench.products import by_kernel
from edgebnn.fit.counted import Counted
from edgebnn.record import Record, read_record
from edgebnn.study.network import Network
from edgebnn.study.switches import Switches


@dataclass(frozen=True)
class Speed:
    """Of a step."""

    step_s: float
    step_j: float | None
    """Joules, gross; None: not known."""
    source: str
    """measured or estimated."""
    said: str
    """How it is known."""
    watts: float | None = None
    """What the joules were reckoned with; None: they were measured."""


@dataclass(frozen=True)
class Asked:
    """A training."""

    model: str
    network: Network
    """Shapes and layers, on the data set's input."""
    batch_size: int
    optimizer: str
    switches: Switches


def measured(asked: Asked, board: str, records: Sequence[Record]) -> Speed | None:
    """Of the newest training of this model by this method on such a board, of the nearest batch size, in
    proportion if it is another one; None: there was none.

    Args:
        records: of the stage `device`.
    """
    wanted = {
        "board": board,
        "model": asked.model,
        "input": "x".join(map(str, asked.network.input)),
        "optimizer": asked.optimizer,
        **asked.switches.model_dump(),
    }
    batch_size = asked.batch_size
    same = [
        record
        for record in records
        if wanted.items() <= record.parameters.items() and record.value("time_per_batch_s")
    ]
    if not same:
        return None

    def order(record: Record) -> tuple[float, str]:
        distance = abs(math.log(float(record.parameters["batch_size"]) / batch_size))
        return (-distance, record.provenance.started)

    nearest = max(same, key=order)
    batch = int(nearest.parameters["batch_size"])
    joules = nearest.value("energy_per_batch_j")
    seconds = nearest.value("time_per_batch_s")
    assert seconds is not None
    share = batch_size / batch
    said = f"measured on {nearest.provenance.host}, {nearest.provenance.started[:10]}"
    return _in_proportion(
        share * seconds, None if joules is None else share * joules, said, batch, batch_size
    )


def _in_proportion(step_s: float, step_j: float | None, said: str, batch: int, asked: int) -> Speed:
    if batch == asked:
        return Speed(step_s, step_j, "measured", said)
    said += f" with batch size {batch}, and taken in proportion"
    return Speed(step_s, step_j, "estimated", said)


def _method(switches: Switches) -> str:
    """As the benches call it; empty: they do not time it."""
    return next((name for name, method in methods().items() if method == switches), "")


def benched(asked: Asked, threads: int, results: Path) -> Speed | None:
    """Of this machine, by the newest `make bench` that timed this model and method with so many threads.

    Args:
        results: a study's folder.

    Raises:
        ConfigError: a file is no record.
    """
    name = _method(asked.switches)
    for path in sorted((results / "bench").glob("[0-9]*.json"), reverse=True):
        for row in read_record(path).tables.get("steps", []):
            if (row["model"], row["contestant"], row["threads"]) != (asked.model, name, threads):
                continue
            batch = int(row["batch_size"])
            if asked.network == Case(asked.model, batch).network:
                step_s = float(row["step_s"]) * asked.batch_size / batch
                said = f"measured by make bench ({path})"
                return _in_proportion(step_s, None, said, batch, asked.batch_size)
    return None


def estimated(
    asked: Asked, board: Board, threads: int, arena_bytes: int, known: Counted
) -> Speed | None:
    """Of any network on a board whose processor has a model; None: no counts are there.

    Args:
        threads: of the trainer; at most the board's cores count.
        arena_bytes: of the trainer's plan.
        known: what was counted.
    """
    costs = known.costs.get(board.processor, {})
    multiply_adds = by_kernel(asked.network, asked.batch_size, asked.switches)
    if not multiply_adds.keys() <= costs.keys():
        return None
    instructions = _counted(asked, known)
    how = "counted for this step"
    if instructions is None:
        how = "reckoned from those of other networks"
        rest = zip(_factors(known, costs), _sizes(asked.network, asked.batch_size), strict=True)
        instructions = _in_loops(multiply_adds, costs) + sum(each * size for each, size in rest)
    found = estimate(
        board,
        min(threads, board.cores),
        instructions=instructions,
        multiply_adds=multiply_adds,
        costs=costs,
        moved_bytes=PASSES * arena_bytes,
    )
    said = f"from its instructions, {how} ({known.where}), at {board.clock_hz / 1e9:.1f} GHz"
    return Speed(found.seconds, None, "estimated", said)


def _counted(asked: Asked, known: Counted) -> float | None:
    """Instructions of just this step, if they were counted."""
    for (model, batch_size, name), instructions in known.instructions.items():
        if (batch_size, name) != (asked.batch_size, _method(asked.switches)):
            continue
        if asked.network == Case(model, batch_size).network:
            return instructions
    return None


def _factors(known: Counted, costs: Mapping[str, Cost]) -> tuple[float, float]:
    """a and b."""
    relative = []
    for (model, batch_size, name), instructions in known.instructions.items():
        network = Case(model, batch_size).network
        loops = _in_loops(by_kernel(network, batch_size, methods()[name]), costs)
        relative.append([size / (instructions - loops) for size in _sizes(network, batch_size)])
    (a, b), *_ = np.linalg.lstsq(np.array(relative), np.ones(len(relative)), rcond=None)
    return float(a), float(b)


def _in_loops(multiply_adds: Mapping[str, int], costs: Mapping[str, Cost]) -> float:
    """Instructions of a step's products."""
    return sum(count * costs[kernel].instructions for kernel, count in multiply_adds.items())


def _sizes(network: Network, batch_size: int) -> tuple[int, int]:
    """Elements of all weighted layers' outputs in a batch, and weights."""
    weighted = [placed for placed in network.placed() if placed.fan_in]
    outputs = sum(math.prod(placed.output) for placed in weighted)
    return batch_size * outputs, sum(placed.weights for placed in weighted)
