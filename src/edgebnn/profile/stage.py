"""The stage `profile`: a few steps of a run's training on this machine, and where their memory went."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.machine import MIB
from edgebnn.profile.arena import shares
from edgebnn.profile.images import write_few
from edgebnn.profile.massif import OUT, Massif, run_massif
from edgebnn.profile.watched import PROFILE, SAMPLES, Job, Watched, watch
from edgebnn.record import Metric, Provenance, Record, keep, provenance
from edgebnn.report.profiled import figure
from edgebnn.trainer.native import native_trainer
from edgebnn.trainer.run_file import run_file

if TYPE_CHECKING:
    from edgebnn.study.run import Run

FIGURE = "profile.svg"
Row = dict[str, str | float]


def profile(  # noqa: PLR0917 - a stage takes its files one by one
    run: Run,
    data: Path,
    initial: Path | None,
    output: Path,
    steps: int,
    threads: int,
    say: Callable[[str], None],
) -> Record:
    """Trains a few steps, once watched from outside and once under massif, and writes the record.

    Args:
        run: of the stage `device` or `profile`.
        data: packed data set.
        initial: weights to begin from, where the run asks for them.
        output: the record's file; raw files and the figure go to the folder `<run id>` beside it.
        steps: of training; under massif it is one.
        threads: of the trainer.
        say: told the progress, a line at a time.

    Raises:
        ConfigError: there is no such number of steps or threads, or the data are no packed data set.
        JobError: the trainer cannot be built, or fails.
    """
    for option, value in (("--steps", steps), ("--threads", threads)):
        if value < 1:
            raise ConfigError(f"{option}: found {value}, allowed is a whole number of at least 1")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    trainer = native_trainer()
    with tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary:
        folder = Path(temporary)
        job = Job(trainer, folder / "run.run", folder / "few.ebd", initial, threads, run.kernel)
        # An epoch has a step at least: so many are enough.
        epochs = max(run.epochs or 1, steps)
        job.run.write_text(run_file(run.model_copy(update={"epochs": epochs}), initial))
        write_few(data, job.data, run.batch_size, steps)
        say(f"{run.id}: {steps} step{'s' * (steps > 1)} under edgebnn-measure")
        watched = watch(job, steps, folder)
        say(f"{run.id}: one step under valgrind's massif, thirty times as slow and more")
        massif = run_massif(job, folder)
        if not massif.snapshots:
            say(f"massif: {massif.note}")
        made = Record(
            stage="profile",
            run_id=run.id,
            parameters=_parameters(run, threads),
            metrics=_metrics(watched, massif),
            series={"system/memory_mib": [(time, size / MIB) for time, size in watched.resident]},
            tables=_tables(watched, massif),
            notes={"massif": massif.note},
            provenance=_provenance(started, watched.versions | massif.versions),
        )
        names = {"profile": PROFILE, "samples": SAMPLES}
        names |= {"massif": OUT} if massif.snapshots else {}
        files = {name: (file, (folder / file).read_bytes()) for name, file in names.items()}
    files["figure"] = (FIGURE, figure(made).encode())
    record = made.model_copy(update={"artifacts": keep(output.parent / run.id, files)})
    record.write(output)
    return record


def _parameters(run: Run, threads: int) -> dict[str, str | int | float]:
    """Of the run, without the board: it was profiled on this machine."""
    here = run.model_copy(update={"board": None})
    return {**here.parameters(), "threads": threads}


def _metrics(watched: Watched, massif: Massif) -> dict[str, Metric]:
    arena = watched.arena
    measured = {
        "arena_peak_mib": arena.peak_bytes / MIB,
        "peak_memory_mib": watched.peak_bytes / MIB,
        "not_arena_mib": (watched.peak_bytes - arena.peak_bytes) / MIB,
        "steps": float(len(watched.steps)),
        "phases": float(len(arena.phases)),
    }
    if massif.snapshots:
        measured["massif_peak_mib"] = max(size for _, size in massif.snapshots) / MIB
    return {
        "arena_planned_mib": Metric(value=arena.arena_bytes / MIB, source="modelled"),
        **{name: Metric(value=value, source="measured") for name, value in measured.items()},
    }


def _tables(watched: Watched, massif: Massif) -> dict[str, list[Row]]:
    def life(phases: tuple[int, int] | None) -> str:
        return f"{phases[0]}..{phases[1]}" if phases else "never"

    return {
        "buffers": [
            {
                "variable": buffer.name,
                "type": buffer.type,
                "group": buffer.group,
                "bytes": buffer.bytes,
                "planned": life(buffer.life),
                "used": life(buffer.used),
            }
            for buffer in watched.arena.buffers
        ],
        "phases": [
            {
                "phase": share.phase,
                "group": share.group,
                "planned_bytes": share.planned,
                "used_bytes": share.used,
            }
            for share in shares(watched.arena)
        ],
        "steps": [
            {"step": number, "begin_s": begin, "end_s": end}
            for number, (begin, end) in enumerate(watched.steps, 1)
        ],
        "massif": [{"instructions": time, "bytes": size} for time, size in massif.snapshots],
    }


def _provenance(started: str, versions: dict[str, str]) -> Provenance:
    here = provenance(started)
    return here.model_copy(update={"versions": here.versions | versions})
