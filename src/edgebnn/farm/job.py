"""One run on one device: deploy, train under `edgebnn-measure`, fetch, write the record.

The job runs by itself in `edgebnn/jobs/<run id>/` of the device (detached.py), and is found there again by
whoever asks for the same run. What was cut off left its checkpoint there, and the next start on that device
with the same trainer goes on from it; another device of the same target from the last that was fetched. The
folder goes once the record is here.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebnn.epochs import SERIES, note_epoch
from edgebnn.errors import ConfigError
from edgebnn.farm import metering
from edgebnn.farm.attempt import Picked, failure
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.deploy import deploy, programs
from edgebnn.farm.detached import about, begun, identity, remove, texts
from edgebnn.farm.farm import Farm
from edgebnn.farm.folder import make_folder, write_texts
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.kept import Kept, said_where
from edgebnn.farm.metering import MEASURED, SAMPLES
from edgebnn.farm.observed import STAMPS, observe
from edgebnn.farm.pick import on_a_device
from edgebnn.farm.result import metrics_of, read_trainer_record
from edgebnn.farm.run_job import RunJob
from edgebnn.farm.settings import settings
from edgebnn.farm.transfer import get, put
from edgebnn.printable import printable
from edgebnn.record import Record, file_sha256, keep
from edgebnn.study.run import Run
from edgebnn.trainer.build import PROGRAMS
from edgebnn.trainer.run_file import run_file

Say = Callable[[str], None]

TRAINER, MEASURE = PROGRAMS
RECORD, NETWORK = "record.json", "network.ebn"
INITIAL = "initial.ebw"
CHECKPOINT = "checkpoint"
_SENT = "checkpoint.sent"
_LINK = 'ln -f "$1" "$3" || ln -f "$2" "$3"'
"""The trainer's checkpoint, or the one before: for a moment, while it takes the new one's place, there is but that."""


def print_line(line: str) -> None:
    """Progress as plain lines, seen at once."""
    print(printable(line), flush=True)


def train_on_device(  # noqa: PLR0917 - a stage takes its files one by one
    run: Run,
    data: Path,
    binaries: Path,
    inventory: Inventory,
    output: Path,
    virtual: Path,
    say: Say = print_line,
    replaces: str = "",
    initial: Path | None = None,
) -> Record:
    """Trains a run on a device of its board, and writes the record of what was measured there.

    Args:
        data: packed data set.
        binaries: folder with `<target>/edgebnn-train` and `<target>/edgebnn-measure`.
        output: the record's file; raw files go to the folder `<run id>` beside it, and until it is
            written `state/<run id>` holds what is kept of the job.
        virtual: folder under which virtual devices have their files.
        say: told the progress, a line at a time.
        replaces: start of the record that is made anew because its device was changed.
        initial: weights to begin from, where the run asks for them.

    Raises:
        ConfigError: the run is no device's, its data or its initial weights are not there, or its
            trainer is not built.
        InfrastructureError: no fit device, or one that failed on the way.
        JobError: the trainer failed, or was stopped; the message ends with its last lines.
    """
    if run.stage != "device" or run.board is None:
        raise ConfigError(f"run {run.id}: stage '{run.stage}' does not run on a device")
    if not data.is_file():
        raise ConfigError(f"{data}: no such file")
    kept = Kept(output.parent / "state" / run.id)
    with ExitStack() as plugs:
        job = _Training(
            run=run,
            data=data,
            binaries=binaries,
            inventory=inventory,
            output=output,
            say=say,
            replaces=replaces,
            kept=kept,
            plugs=plugs,
            initial=initial,
            text=run_file(run, initial),
        )
        with said_where(kept, inventory, run.id, say):
            return on_a_device(Farm(inventory, binaries, virtual), job, say, kept.device)


@dataclass(kw_only=True)
class _Training(RunJob):
    """The job."""

    inventory: Inventory
    initial: Path | None
    text: str
    """Of the run file."""
    fetched_s: float = field(default_factory=time.monotonic)
    """When a checkpoint was fetched, or none could have been."""

    def identity(self, device: Device) -> str:
        files = [*programs(self.binaries, device), self.data]
        return identity([*map(file_sha256, files), self.text], device)

    def prepare(self, picked: Picked) -> bool:
        host, device = picked.host, picked.device
        self.say(f"{self.run.id} on {picked.name}: {picked.health.machine}")
        trainer, measure = programs(self.binaries, device)
        links = {TRAINER: trainer, MEASURE: measure, "data.ebd": self.data}
        links |= {INITIAL: self.initial} if self.initial else {}
        deployed = deploy(host, [*links.values()])
        for file in deployed.sent:
            self.say(f"sent {file.name}")
        make_folder(
            host,
            self.folder,
            {name: deployed.paths[file] for name, file in links.items()},
            {"run.txt": self.text},
            keep=(CHECKPOINT, f"{CHECKPOINT}.previous"),
        )
        if self.kept.helps(picked.name, file_sha256(trainer)):
            sha256 = file_sha256(self.kept.checkpoint)
            put(host, self.kept.checkpoint, f"{self.folder}/{CHECKPOINT}", sha256)
            self.say("sent the checkpoint that was fetched last")
        self.plugs.close()
        self.meter = metering.begin(picked, self.folder, MEASURE, self.plugs)
        command = [*device.emulator, f"./{MEASURE}", *self.meter.options, "--"]
        command += self._train(device)
        if self.run.kernel:
            command = ["env", f"EDGEBNN_KERNEL={self.run.kernel}", *command]
        noted = begun(self.meter.throttling_before)
        write_texts(host, self.folder, texts(command, self.identity(device), noted))
        self.kept.starts_on(picked.name)
        return True

    def _train(self, device: Device) -> list[str]:
        words = [*device.emulator, f"./{TRAINER}", "--run", "run.txt", "--data", "data.ebd"]
        words += ["--verified", "--output", RECORD, "--export", NETWORK]
        words += ["--checkpoint", CHECKPOINT, "--resume", "--stamps", STAMPS]
        words += ["--threads", str(device.threads)]
        words += ["--init", INITIAL] if self.initial else []
        return words + (["--steps", str(self.run.batches)] if self.run.batches else [])

    def line(self, line: str) -> None:
        """Of interest are the epochs, and where it went on."""
        try:
            event: Any = json.loads(line)
        except json.JSONDecodeError:
            return
        if not isinstance(event, dict):
            return
        if event.get("event") == "epoch":
            figures = {
                name: float(event[name])
                for name in SERIES
                if isinstance(event.get(name), int | float)
            }
            told = ", ".join(
                f"{name.replace('_', ' ')} {value:.4f}"
                for name, value in figures.items()
                if name != "validation_loss"
            )
            self.say(f"epoch {event.get('epoch')}/{event.get('epochs')}: {told}")
            if len(figures) == len(SERIES) and isinstance(event.get("epoch"), int):
                note_epoch(self.kept.folder, event["epoch"], figures)
        if event.get("event") == "resume":
            where = f"epoch {event.get('epoch')}, step {event.get('step')}"
            why = f" ({event['refused']})" if "refused" in event else ""
            self.say(f"resumed behind {where} from {event.get('from')}{why}")

    def meanwhile(self, host: Host) -> None:
        """Fetches a checkpoint now and then."""
        device = self.inventory.devices[host.name]
        every = 60.0 * device.fetch_checkpoint_min
        if not every or time.monotonic() < self.fetched_s + every:
            return
        self.fetched_s = time.monotonic()
        names = (CHECKPOINT, f"{CHECKPOINT}.previous", _SENT)
        if host.try_run(["sh", "-c", _LINK, "sh", *names], folder=self.folder).status:
            return  # there is none yet
        trainer, _ = programs(self.binaries, device)
        self.kept.fetch(
            lambda local: get(host, f"{self.folder}/{_SENT}", local),
            host.name,
            file_sha256(trainer),
        )

    def finish(self, picked: Picked, done: Done | None) -> Record:
        assert done
        host, run = picked.host, self.run
        if done.status:
            raise failure(host.how_it_failed(TRAINER, done), picked.device)
        noted = about(host, self.folder)
        meter = metering.of(self.meter, picked, self.folder, MEASURE, noted["throttling"])
        meter.stop()
        with tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary:
            fetched = Path(temporary)
            get(host, f"{self.folder}/{RECORD}", fetched / RECORD)
            trained = read_trainer_record(fetched / RECORD, run)
            for name in (MEASURED, SAMPLES, STAMPS, NETWORK):
                get(host, f"{self.folder}/{name}", fetched / name)
            seen = observe(meter, fetched)
            for name, text in seen.notes.items():
                self.say(f"{name}: {text}")
            files = {"network": (NETWORK, (fetched / NETWORK).read_bytes())} | seen.files
        record = Record(
            stage="device",
            run_id=run.id,
            parameters={**run.parameters(), **settings(picked.device)},
            metrics=metrics_of(trained, seen.measured) | seen.metrics,
            series=trained.series | seen.series,
            tables=seen.tables,
            artifacts=keep(self.output.parent / run.id, files),
            notes=seen.notes,
            provenance=picked.provenance(noted["started"], trained.versions, self.replaces),
        )
        record.write(self.output)
        self.kept.drop()
        remove(host, self.folder)
        return record
