"""The baseline of a run on one device: the same training in Keras, under `edgebnn-measure` as well.

One script goes there (baseline/keras_train.py) and runs with the Python that the inventory names. That the
network does not fit into the memory, or that there is no TensorFlow, are results: a record without times says so.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat, ValidationError

from edgebnn.baseline import keras_train
from edgebnn.errors import ConfigError, InfrastructureError, JobError
from edgebnn.farm.baseline_outcome import DOES_NOT_FIT, no_tensorflow, outcome
from edgebnn.farm.baseline_profile import SCRIPT as PROFILE
from edgebnn.farm.baseline_profile import profile
from edgebnn.farm.connection import Host
from edgebnn.farm.deploy import deploy, programs
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.job import print_line
from edgebnn.farm.metering import MEASURED, SAMPLES, metering
from edgebnn.farm.observed import STAMPS, observe
from edgebnn.farm.pick import Picked, Wanted, pick
from edgebnn.farm.settings import settings
from edgebnn.farm.transfer import get, put
from edgebnn.record import Metric, Record, file_sha256, keep
from edgebnn.study.plan import Run
from edgebnn.trainer.build import PROGRAMS

Say = Callable[[str], None]

SCRIPT = Path(keras_train.__file__)
RECORD = "record.json"
NEEDED = ("time_per_batch_s", "time_per_batch_q1_s", "time_per_batch_q3_s", "train_time_s", "steps")
"""Metrics without which a script's record is refused."""
_MEASURE = PROGRAMS[1]
_NO_PROGRAM = (126, 127)
"""A shell's exit statuses for a program that it cannot start."""

# $1: the job's folder, $2..: names and what they link to.
_LINKS = """
rm -rf "$1" && mkdir -p "$1" && cd "./$1" || exit
shift
while test $# -gt 0; do
  ln -s "$2" "$1" || exit
  shift 2
done
"""
_HAS_TENSORFLOW = """
import sys
sys.version_info >= (3, 9) or sys.exit("Python %d.%d; 3.9 or newer is wanted" % sys.version_info[:2])
from importlib.util import find_spec
lacking = [name for name in ("numpy", "tensorflow") if find_spec(name) is None]
sys.exit("No module named '%s'" % lacking[0] if lacking else 0)
"""


class ScriptRecord(BaseModel):
    """The script's last word (docs/formats.md)."""

    metrics: dict[str, FiniteFloat]
    versions: dict[str, str]


@dataclass(frozen=True)
class _Found:
    """What came of it, as the record has it: numbers, or in a note why there are none."""

    metrics: dict[str, Metric]
    series: dict[str, list[tuple[float, float]]]
    tables: dict[str, list[dict[str, str | float]]]
    notes: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    versions: dict[str, str]


def train_baseline(  # noqa: PLR0917 - a stage takes its files one by one
    run: Run,
    data: Path,
    binaries: Path,
    inventory: Inventory,
    output: Path,
    virtual: Path,
    say: Say = print_line,
    replaces: str = "",
) -> Record:
    """Trains a baseline on a device of its board, and writes the record of what was measured there.

    Args:
        data: packed data set.
        binaries: folder with `<target>/edgebnn-measure`.
        output: the record's file; raw files go to the folder `<run id>` beside it.
        virtual: folder under which virtual devices have their files.
        say: told the progress, a line at a time.
        replaces: start of the record that is made anew because its device was changed.

    Raises:
        ConfigError: the run is no baseline, its data are not there, edgebnn-measure is not built, or the
            device has no such Python.
        InfrastructureError: no fit device, or one that failed on the way.
        JobError: the script failed; the message ends with its last lines.
    """
    if run.stage != "baseline" or run.board is None:
        raise ConfigError(f"run {run.id}: stage '{run.stage}' is no baseline")
    if not data.is_file():
        raise ConfigError(f"{data}: no such file")
    folder = f"edgebnn/jobs/{run.id}"
    python = lacking = ""

    def prepare(picked: Picked) -> None:
        nonlocal python, lacking
        say(f"{run.id} on {picked.name}: {picked.health.machine}")
        python = _python(picked.host, picked.device)
        lacking = _lacking(picked.host, python, picked.device)
        if not lacking:
            _prepare(picked, run, data, programs(binaries, picked.device)[1], folder, say)

    wanted = Wanted(run.board, binaries, virtual, f"run {run.id}", prepare)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with (
        tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary,
        pick(inventory, wanted, say) as picked,
    ):
        found = _nothing(lacking)
        if not lacking:
            found = _work(picked, folder, python, Path(temporary), say)
            if run.profile and found.metrics and "outcome" not in found.notes:
                found = _with_profile(found, picked, folder, python, Path(temporary))
        for name, text in found.notes.items():
            say(f"{name}: {text}")
        record = Record(
            stage=run.stage,
            run_id=run.id,
            parameters={**run.parameters(), **settings(picked.device, run.stage)},
            metrics=found.metrics,
            series=found.series,
            tables=found.tables,
            artifacts=keep(output.parent / run.id, found.files),
            notes=found.notes,
            provenance=picked.provenance(started, found.versions, replaces),
        )
        record.write(output)
        picked.host.run(["rm", "-rf", folder])
    return record


def job_of(run: Run, threads: int) -> dict[str, Any]:
    """What the script is told (docs/formats.md)."""
    return {
        "network": run.keras,
        "input": run.network.input,
        "layers": [layer.model_dump() for layer in run.network.layers],
        "batch_size": run.batch_size,
        "batches": run.batches,
        "epochs": run.epochs,
        "optimizer": run.optimizer.kind,
        "learning_rate": run.optimizer.learning_rate,
        "seed": run.seed,
        "threads": threads,
    }


def _python(host: Host, device: Device) -> str:
    """The Python of the inventory, as the device's shells start it from any folder."""
    python = device.python_program
    if not python.startswith("~/"):
        return python
    return host.run(["sh", "-c", 'echo "$HOME"']).stdout.strip() + python.removeprefix("~")


def _lacking(host: Host, python: str, device: Device) -> str:
    """Why it cannot train in Keras, or an empty string; it loads nothing, so it takes no time.

    Raises:
        ConfigError: there is no such program.
    """
    done = host.try_run([python, "-c", _HAS_TENSORFLOW])
    words = (done.stderr.strip().splitlines() or [f"exit status {done.status}"])[-1]
    if done.status in _NO_PROGRAM:
        raise ConfigError(
            f"device {host.name}: python: '{device.python_program}' cannot be started there ({words})"
        )
    return no_tensorflow(python, host.name, words) if done.status else ""


def _prepare(  # noqa: PLR0917 - what a job is made of
    picked: Picked, run: Run, data: Path, measure: Path, folder: str, say: Say
) -> None:
    """The job's folder on the device with all that it needs."""
    scripts = [SCRIPT, PROFILE] if run.profile else [SCRIPT]
    deployed = deploy(picked.host, [measure, *scripts, data])
    for file in deployed.sent:
        say(f"sent {file.name}")
    links = [(_MEASURE, measure), ("data.ebd", data), *((file.name, file) for file in scripts)]
    words = [word for name, file in links for word in (name, f"../../../{deployed.paths[file]}")]
    picked.host.run(["sh", "-c", _LINKS, "sh", folder, *words])
    with tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary:
        job = Path(temporary) / "job.json"
        job.write_text(json.dumps(job_of(run, picked.device.threads)))
        put(picked.host, job, f"{folder}/{job.name}", file_sha256(job))


def _work(picked: Picked, folder: str, python: str, fetched: Path, say: Say) -> _Found:
    """Trains in the prepared folder.

    Args:
        fetched: an empty folder, for what comes back.

    Raises:
        JobError: the script failed.
    """
    host, device = picked.host, picked.device
    script = [python, SCRIPT.name, "--job", "job.json", "--data", "data.ebd"]
    script += ["--output", RECORD, "--stamps", STAMPS]
    with metering(picked, folder, _MEASURE) as meter:
        done = host.try_run(
            [*device.emulator, f"./{_MEASURE}", *meter.options, "--", *script],
            folder=folder,
            within_s=None,
            on_line=lambda line: _follow(line, say),
        )
        meter.stop()
    failed = JobError(host.how_it_failed(SCRIPT.name, done)) if done.status else None
    for name in (MEASURED, SAMPLES) if failed else (MEASURED, SAMPLES, RECORD, STAMPS):
        try:
            get(host, f"{folder}/{name}", fetched / name)
        except InfrastructureError:
            host.probe()
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
            return _nothing(why)  # what was seen is of no training
        notes = {"outcome": why} | notes
    else:
        trained = _read_record(fetched / RECORD, host)
        metrics |= trained.metrics
        versions = trained.versions
    told = {name: Metric(value=value, source="measured") for name, value in metrics.items()}
    return _Found(told | seen.metrics, seen.series, seen.tables, notes, seen.files, versions)


def _with_profile(found: _Found, picked: Picked, folder: str, python: str, fetched: Path) -> _Found:
    measure = [*picked.device.emulator, f"./{_MEASURE}"]
    seen = profile(picked, folder, measure, python, fetched)
    return replace(
        found,
        metrics=found.metrics | seen.metrics,
        series=found.series | seen.series,
        notes=found.notes | seen.notes,
        files=found.files | seen.files,
    )


def _nothing(why: str) -> _Found:
    return _Found({}, {}, {}, {"outcome": why}, {}, {})


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


def _follow(line: str, say: Say) -> None:
    """A line of the script's output: every tenth part of the training is told."""
    try:
        event: Any = json.loads(line)
    except json.JSONDecodeError:
        return
    if isinstance(event, dict) and event.get("event") == "batch":
        say(f"batch {event['batch']}/{event['batches']}: loss {event['loss']:.4f}")
