"""What came of a baseline's job: its files fetched and read; that it does not fit is a result as well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, FiniteFloat, ValidationError

from edgebnn.baseline import keras_train
from edgebnn.errors import InfrastructureError, JobError, PassingError
from edgebnn.farm.attempt import Picked
from edgebnn.farm.baseline_outcome import DOES_NOT_FIT, outcome
from edgebnn.farm.baseline_profile import profile
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.metering import MEASURED, SAMPLES, Metering
from edgebnn.farm.observed import STAMPS, observe
from edgebnn.farm.transfer import get
from edgebnn.record import Metric

SCRIPT = Path(keras_train.__file__)
RECORD = "record.json"
NEEDED = ("time_per_batch_s", "time_per_batch_q1_s", "time_per_batch_q3_s", "train_time_s", "steps")
"""Metrics without which a script's record is refused."""


class ScriptRecord(BaseModel):
    """The script's last word (docs/formats.md)."""

    metrics: dict[str, FiniteFloat]
    versions: dict[str, str]


@dataclass(frozen=True)
class Found:
    """What came of it, as the record has it: numbers, or in a note why there are none."""

    metrics: dict[str, Metric]
    series: dict[str, list[tuple[float, float]]]
    tables: dict[str, list[dict[str, str | float]]]
    notes: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    versions: dict[str, str]


def fetch_found(done: Done, meter: Metering, folder: str, python: str, fetched: Path) -> Found:
    """What came of a job that has ended.

    Args:
        fetched: an empty folder, for what comes back.

    Raises:
        JobError: the script failed.
    """
    host = meter.picked.host
    meter.stop()
    failed = JobError(host.how_it_failed(SCRIPT.name, done)) if done.status else None
    for name in (MEASURED, SAMPLES) if failed else (MEASURED, SAMPLES, RECORD, STAMPS):
        try:
            get(host, f"{folder}/{name}", fetched / name)
        except PassingError:
            raise
        except InfrastructureError:
            raise failed or JobError(f"device {host.name}: the script left no {name}") from None
    seen = observe(meter, fetched)
    metrics = {"peak_memory_mib": seen.measured.peak_memory_bytes / 2**20}
    if seen.measured.memory_limit_bytes:
        metrics["memory_limit_mib"] = seen.measured.memory_limit_bytes / 2**20
    notes, versions = seen.notes, {}
    if failed:
        why = outcome(done, seen.measured, python, host.name)
        if not why:
            raise failed
        if not why.startswith(DOES_NOT_FIT):
            return nothing(why)  # what was seen is of no training
        notes = {"outcome": why} | notes
    else:
        trained = _read_record(fetched / RECORD, host)
        metrics |= trained.metrics
        versions = trained.versions
    told = {name: Metric(value=value, source="measured") for name, value in metrics.items()}
    return Found(told | seen.metrics, seen.series, seen.tables, notes, seen.files, versions)


def with_profile(  # noqa: PLR0917 - what a second run is made of
    found: Found, picked: Picked, folder: str, measure: str, python: str, fetched: Path
) -> Found:
    """The same with the memory over time, from a second, short run in the same folder."""
    program = [*picked.device.emulator, f"./{measure}"]
    seen = profile(picked, folder, program, python, fetched)
    return replace(
        found,
        metrics=found.metrics | seen.metrics,
        series=found.series | seen.series,
        notes=found.notes | seen.notes,
        files=found.files | seen.files,
    )


def nothing(why: str) -> Found:
    """Of a training that was none."""
    return Found({}, {}, {}, {"outcome": why}, {}, {})


def _read_record(path: Path, host: Host) -> ScriptRecord:
    try:
        trained = ScriptRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "JSON"
        raise JobError(f"device {host.name}: {RECORD}: {place}: {problem['msg']}") from None
    if lacking := [name for name in NEEDED if name not in trained.metrics]:
        raise JobError(f"device {host.name}: {RECORD} lacks {', '.join(lacking)}")
    return trained
