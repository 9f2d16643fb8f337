"""The baseline of a run on one device: the same training in Keras, under `edgebnn-measure` as well.

One script goes there (baseline/keras_train.py) and runs with the Python that the inventory names. That the
network does not fit into the memory, or that there is no TensorFlow, are results: a record without times says so.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError
from edgebnn.farm import metering
from edgebnn.farm.attempt import Picked
from edgebnn.farm.baseline_found import RECORD, SCRIPT, fetch_found, nothing, with_profile
from edgebnn.farm.baseline_outcome import no_tensorflow
from edgebnn.farm.baseline_profile import SCRIPT as PROFILE
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.deploy import deploy, programs
from edgebnn.farm.detached import about, begun, identity, remove, texts
from edgebnn.farm.farm import Farm
from edgebnn.farm.folder import make_folder, write_texts
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.job import print_line
from edgebnn.farm.kept import Kept, said_where
from edgebnn.farm.observed import STAMPS
from edgebnn.farm.pick import on_a_device
from edgebnn.farm.run_job import RunJob
from edgebnn.farm.settings import settings
from edgebnn.record import Record, file_sha256, keep
from edgebnn.study.run import Run
from edgebnn.trainer.build import PROGRAMS

Say = Callable[[str], None]

_MEASURE = PROGRAMS[1]
_NO_PROGRAM = (126, 127)
"""A shell's exit statuses for a program that it cannot start."""

_HAS_TENSORFLOW = """
import sys
sys.version_info >= (3, 9) or sys.exit("Python %d.%d; 3.9 or newer is wanted" % sys.version_info[:2])
from importlib.util import find_spec
lacking = [name for name in ("numpy", "tensorflow") if find_spec(name) is None]
sys.exit("No module named '%s'" % lacking[0] if lacking else 0)
"""


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
    kept = Kept(output.parent / "state" / run.id)
    with ExitStack() as plugs:
        job = _Training(
            run=run,
            data=data,
            binaries=binaries,
            output=output,
            say=say,
            replaces=replaces,
            kept=kept,
            plugs=plugs,
        )
        with said_where(kept, inventory, run.id, say):
            return on_a_device(Farm(inventory, binaries, virtual), job, say, kept.device)


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


@dataclass(kw_only=True)
class _Training(RunJob):
    """The job."""

    lacking: str = ""
    """Why the device cannot train in Keras."""

    def identity(self, device: Device) -> str:
        files = [programs(self.binaries, device)[1], *self._scripts(), self.data]
        return identity([*map(file_sha256, files), self._told(device)], device, self.run.stage)

    def prepare(self, picked: Picked) -> bool:
        host, device = picked.host, picked.device
        self.say(f"{self.run.id} on {picked.name}: {picked.health.machine}")
        python = _python(host, device)
        self.lacking = _lacking(host, python, device)
        if self.lacking:
            return False
        measure = programs(self.binaries, device)[1]
        scripts = {script.name: script for script in self._scripts()}
        files = {_MEASURE: measure, **scripts, "data.ebd": self.data}
        deployed = deploy(host, list(files.values()))
        for file in deployed.sent:
            self.say(f"sent {file.name}")
        links = {name: deployed.paths[file] for name, file in files.items()}
        make_folder(host, self.folder, links, {"job.json": self._told(device)})
        self.plugs.close()
        self.meter = metering.begin(picked, self.folder, _MEASURE, self.plugs)
        script = [python, SCRIPT.name, "--job", "job.json", "--data", "data.ebd"]
        script += ["--output", RECORD, "--stamps", STAMPS]
        command = [*device.emulator, f"./{_MEASURE}", *self.meter.options, "--", *script]
        noted = begun(self.meter.throttling_before)
        write_texts(host, self.folder, texts(command, self.identity(device), noted))
        self.kept.starts_on(picked.name)
        return True

    def _scripts(self) -> list[Path]:
        return [SCRIPT, PROFILE] if self.run.profile else [SCRIPT]

    def _told(self, device: Device) -> str:
        return json.dumps(job_of(self.run, device.threads))

    def line(self, line: str) -> None:
        """Every tenth part of the training is told."""
        try:
            event: Any = json.loads(line)
        except json.JSONDecodeError:
            return
        if isinstance(event, dict) and event.get("event") == "batch":
            self.say(f"batch {event['batch']}/{event['batches']}: loss {event['loss']:.4f}")

    def meanwhile(self, host: Host) -> None:
        """There is no checkpoint."""

    def finish(self, picked: Picked, done: Done | None) -> Record:
        found, started = nothing(self.lacking), begun("")["started"]
        if done:
            noted = about(picked.host, self.folder)
            started = noted["started"]
            python = _python(picked.host, picked.device)
            meter = metering.of(self.meter, picked, self.folder, _MEASURE, noted["throttling"])
            with tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary:
                fetched = Path(temporary)
                found = fetch_found(done, meter, self.folder, python, fetched)
                if self.run.profile and found.metrics and "outcome" not in found.notes:
                    found = with_profile(found, picked, self.folder, _MEASURE, python, fetched)
        for name, text in found.notes.items():
            self.say(f"{name}: {text}")
        record = Record(
            stage=self.run.stage,
            run_id=self.run.id,
            parameters={**self.run.parameters(), **settings(picked.device, self.run.stage)},
            metrics=found.metrics,
            series=found.series,
            tables=found.tables,
            artifacts=keep(self.output.parent / self.run.id, found.files),
            notes=found.notes,
            provenance=picked.provenance(started, found.versions, self.replaces),
        )
        record.write(self.output)
        self.kept.drop()
        remove(picked.host, self.folder)
        return record
