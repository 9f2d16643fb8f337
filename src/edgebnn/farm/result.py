"""What came back from a device: the trainer's own word, what was measured, the raw files."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, FiniteFloat, ValidationError

from edgebnn.errors import InfrastructureError, JobError
from edgebnn.record import Metric
from edgebnn.study.run import Run

NEEDED = (
    "test_accuracy",
    "time_per_batch_s",
    "time_per_batch_q1_s",
    "time_per_batch_q3_s",
    "train_time_s",
    "steps",
    "arena_planned_bytes",
    "arena_peak_bytes",
)
"""Metrics without which a trainer's record is refused."""

_MODELLED = ("arena_planned_mib",)


class TrainerRecord(BaseModel):
    """The trainer's own last word (docs/formats.md)."""

    run_id: str
    metrics: dict[str, FiniteFloat]
    series: dict[str, list[tuple[float, float]]] = {}
    versions: dict[str, str] = {}


class Measured(BaseModel):
    """What `edgebnn-measure` read off the device (docs/formats.md); the file itself is kept."""

    start_s: FiniteFloat
    """On the device's monotonic clock."""
    peak_memory_bytes: FiniteFloat
    """Largest resident set of one process, as the kernel counted it."""
    peak_tree_pss_bytes: FiniteFloat = 0.0
    """Of all processes together, as samples saw it; 0 if the kernel does not tell."""
    memory_limit_bytes: FiniteFloat = 0.0
    """0: none."""
    memory_limit_by: str = ""
    """`cgroup` or `ulimit`, where there was a limit."""
    killed_for_memory: bool = False
    time_limit_s: FiniteFloat = 0.0
    """0: none."""
    killed_for_time: bool = False


def read_trainer_record(path: Path, run: Run) -> TrainerRecord:
    """The trainer's record; raises JobError if it is not that of this run, whole and finite."""
    try:
        trained = TrainerRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "JSON"
        raise JobError(f"the trainer's record of {run.id}: {place}: {problem['msg']}") from None
    if trained.run_id != run.id:
        raise JobError(f"the trainer's record of {run.id} is of run {trained.run_id}")
    if lacking := [name for name in NEEDED if name not in trained.metrics]:
        raise JobError(f"the trainer's record of {run.id} lacks {', '.join(lacking)}")
    if trained.metrics["steps"] < 1 or trained.metrics["train_time_s"] <= 0:
        raise JobError(f"the trainer's record of {run.id} is of no training: steps or time are 0")
    return trained


def read_measured(path: Path) -> Measured:
    """What was measured from outside; raises InfrastructureError if the file is not whole."""
    try:
        return Measured.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InfrastructureError(
            f"measure.json of the device: {error.errors()[0]['msg']}"
        ) from None


def metrics_of(trained: TrainerRecord, measured: Measured) -> dict[str, Metric]:
    """The trainer's figures and the peak memory: bytes become MiB."""
    found = dict(trained.metrics)
    # The same by the trainer's own count, which holds what came before it resumed.
    own = found.pop("process_peak_bytes", 0.0)
    found["peak_memory_bytes"] = max(measured.peak_memory_bytes, own)
    metrics = {}
    for name, value in found.items():
        in_bytes = name.endswith("_bytes")
        title = f"{name.removesuffix('_bytes')}_mib" if in_bytes else name
        metrics[title] = Metric(
            value=value / 2**20 if in_bytes else value,
            source="modelled" if title in _MODELLED else "measured",
        )
    return metrics
