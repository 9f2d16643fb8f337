"""Every network's losses by both engines, under each seed, as one record.

Its table `curves` has a row a network (compare.py); its series are the losses themselves, at the last
step of each stretch.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edgebnn.bench.cases import Case, methods
from edgebnn.bench.command import say
from edgebnn.bench.curves.compare import STRETCH, WINDOW, compare
from edgebnn.bench.curves.losses import emulation_losses, trainer_losses, write_training_images
from edgebnn.bench.machine import machine
from edgebnn.bench.ours import run_of
from edgebnn.data.datasets import default_cache, prepare
from edgebnn.data.sources import check_data_folder, data_folder
from edgebnn.progress import download_bar
from edgebnn.record import Record, provenance
from edgebnn.study.config import load_study
from edgebnn.study.run import Run
from edgebnn.trainer.native import native_trainer

STAGE = "bench-curves"
DATASET = "cifar10"
METHOD = "proposed"
STUDY = Path("config/paper.yaml")
"""The study that says how the data set is augmented."""

Row = dict[str, str | float]
Series = dict[str, list[tuple[float, float]]]
Engine = Callable[[Run, Path, int], list[float]]
"""From a run, its packed data and a number of steps to the mean loss of each stretch."""


@dataclass(frozen=True)
class Asked:
    """What is to be compared."""

    cases: tuple[Case, ...]
    steps: int
    seeds: int
    threads: int


def measure(asked: Asked) -> Record:
    """Trains everything by both engines; a line a training goes to standard error.

    Raises:
        ConfigError: the data set is not what it should be.
        InfrastructureError: the data set could not be had.
        JobError: the trainer cannot be built, or an engine fails.
    """
    started = datetime.now(UTC)
    check_data_folder(None)
    engines: dict[str, Engine] = {
        "trainer": partial(trainer_losses, native_trainer(), threads=asked.threads),
        "emulation": partial(emulation_losses, threads=asked.threads),
    }
    rows: list[Row] = []
    series: Series = {}
    with tempfile.TemporaryDirectory(prefix="edgebnn-bench-") as folder:
        data = Path(folder) / f"{DATASET}.ebd"
        with download_bar(DATASET) as progress:
            packed = prepare(DATASET, data_folder(None), default_cache(), progress)
        write_training_images(packed, data)
        for case in asked.cases:
            row, found = compared(
                [run_for(case, seed, asked.steps) for seed in range(asked.seeds)],
                data,
                asked.steps,
                engines,
            )
            rows.append(row)
            series |= found
    known = provenance(
        started.isoformat(timespec="seconds"), ("keras", "tensorflow", "numpy", "ziglang")
    )
    return Record(
        stage=STAGE,
        run_id=f"{started:%Y%m%d-%H%M%S}",
        parameters={"steps": asked.steps, "seeds": asked.seeds, "threads": asked.threads},
        metrics={},
        series=series,
        tables={"curves": rows},
        provenance=known.model_copy(update={"machine": machine()}),
    )


def run_for(case: Case, seed: int, steps: int) -> Run:
    """The case on the data set by the method, augmented as the paper's study says.

    An epoch has one step at least: `steps` epochs are enough.
    """
    study = load_study(STUDY)
    experiment = next(e for e in study.experiments if (e.dataset, e.model) == (DATASET, case.model))
    changed = {"dataset": DATASET, "seed": seed, "augmentation": experiment.augmentation}
    return run_of(case, methods()[METHOD], steps).model_copy(update=changed)


def compared(
    runs: list[Run], data: Path, steps: int, engines: dict[str, Engine]
) -> tuple[Row, Series]:
    """One network's row, and its losses: (step, mean of the stretch it ends) by `cnv-b100, trainer, seed 0`.

    Args:
        runs: the same but for the seed.
        data: the packed file.
        engines: `trainer` and `emulation`.
    """
    first = runs[0]
    losses: dict[str, list[list[float]]] = {name: [] for name in engines}
    series: Series = {}
    for run in runs:
        for name, engine in engines.items():
            before = time.monotonic()
            found = engine(run, data, steps)
            took = time.monotonic() - before
            title = f"{run.model}-b{run.batch_size}, {name}, seed {run.seed}"
            say(f"{title}: {steps} steps, last loss {found[-1]:.3f} ({took:.0f} s)")
            losses[name].append(found)
            series[title] = [(float(n * STRETCH), loss) for n, loss in enumerate(found, 1)]
    verdict = compare(losses["trainer"], losses["emulation"])
    row: Row = {
        "model": first.model,
        "batch_size": first.batch_size,
        "steps": steps,
        "seeds": len(runs),
        "window": WINDOW,
        "stretch": STRETCH,
        **asdict(verdict),
        "within": "yes" if verdict.within else "no",
    }
    return row, series
