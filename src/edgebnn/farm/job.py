"""One run on one device: deploy, train under `edgebnn-measure`, fetch, write the record.

The job runs in `edgebnn/jobs/<run id>/` of the device, in the foreground of an SSH session: it ends
with the connection. `_work` is the seam where a detached job would be started and followed instead.
What ended before its time (a reboot, a dropped connection) left its checkpoint there, and the next
attempt on that device with the same trainer goes on from it. The folder goes once the record is here.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError, JobError
from edgebnn.farm.connection import Host
from edgebnn.farm.deploy import deploy, programs
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.metering import MEASURED, SAMPLES, Metering, metering
from edgebnn.farm.observed import STAMPS, observe
from edgebnn.farm.pick import Picked, Wanted, pick
from edgebnn.farm.result import metrics_of, read_trainer_record
from edgebnn.farm.settings import settings
from edgebnn.farm.transfer import get, put
from edgebnn.record import Record, file_sha256, keep
from edgebnn.study.plan import Run
from edgebnn.trainer.build import PROGRAMS
from edgebnn.trainer.run_file import run_file

Say = Callable[[str], None]

TRAINER, MEASURE = PROGRAMS
RECORD, NETWORK = "record.json", "network.ebn"
CHECKPOINT = "checkpoint"

# $1: the job's folder, $2: what the link to the trainer shall say, $3..: names and what they link to.
# Nothing of an earlier attempt stays but the checkpoints, and those only if the same trainer made them.
_CLEAR = f"""
mkdir -p "$1" && cd "./$1" || exit
test "$(readlink {TRAINER})" = "$2" || rm -rf {CHECKPOINT} {CHECKPOINT}.previous {TRAINER} || exit
for file in *; do
  case $file in
    {CHECKPOINT}|{CHECKPOINT}.previous|{TRAINER}) ;;
    *) rm -rf "$file" || exit ;;
  esac
done
shift 2
while test $# -gt 0; do
  ln -sf "$2" "$1" || exit
  shift 2
done
"""


def print_line(line: str) -> None:
    """Progress as plain lines, seen at once."""
    print(line, flush=True)


def train_on_device(  # noqa: PLR0917 - a stage takes its files one by one
    run: Run,
    data: Path,
    binaries: Path,
    inventory: Inventory,
    output: Path,
    virtual: Path,
    say: Say = print_line,
    replaces: str = "",
) -> Record:
    """Trains a run on a device of its board, and writes the record of what was measured there.

    Args:
        data: packed data set.
        binaries: folder with `<target>/edgebnn-train` and `<target>/edgebnn-measure`.
        output: the record's file; raw files go to the folder `<run id>` beside it.
        virtual: folder under which virtual devices have their files.
        say: told the progress, a line at a time.
        replaces: start of the record that is made anew because its device was changed.

    Raises:
        ConfigError: the run is no device's, its data are not there, or its trainer is not built.
        InfrastructureError: no fit device, or one that failed on the way.
        JobError: the trainer failed; the message ends with its last lines.
    """
    if run.stage != "device" or run.board is None:
        raise ConfigError(f"run {run.id}: stage '{run.stage}' does not run on a device")
    if not data.is_file():
        raise ConfigError(f"{data}: no such file")
    folder = f"edgebnn/jobs/{run.id}"

    def prepare(picked: Picked) -> None:
        say(f"{run.id} on {picked.name}: {picked.health.machine}")
        _prepare(picked.host, run, data, programs(binaries, picked.device), folder, say)

    wanted = Wanted(run.board, binaries, virtual, f"run {run.id}", prepare)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with (
        tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary,
        pick(inventory, wanted, say) as picked,
        metering(picked, folder, MEASURE) as meter,
    ):
        _work(picked, folder, run, meter, say)
        meter.stop()
        fetched = Path(temporary)
        get(picked.host, f"{folder}/{RECORD}", fetched / RECORD)
        trained = read_trainer_record(fetched / RECORD, run)
        for name in (MEASURED, SAMPLES, STAMPS, NETWORK):
            get(picked.host, f"{folder}/{name}", fetched / name)
        seen = observe(meter, fetched)
        for name, text in seen.notes.items():
            say(f"{name}: {text}")
        files = {"network": (NETWORK, (fetched / NETWORK).read_bytes())} | seen.files
        record = Record(
            stage="device",
            run_id=run.id,
            parameters={**run.parameters(), **settings(picked.device)},
            metrics=metrics_of(trained, seen.measured) | seen.metrics,
            series=trained.series | seen.series,
            tables=seen.tables,
            artifacts=keep(output.parent / run.id, files),
            notes=seen.notes,
            provenance=picked.provenance(started, trained.versions, replaces),
        )
        record.write(output)
        picked.host.run(["rm", "-rf", folder])
    return record


def _prepare(  # noqa: PLR0917 - what a job is made of
    host: Host, run: Run, data: Path, binaries: list[Path], folder: str, say: Say
) -> None:
    """The job's folder on the device with all that it needs; of an earlier attempt, its checkpoint."""
    deployed = deploy(host, [*binaries, data])
    for file in deployed.sent:
        say(f"sent {file.name}")
    links = {
        name: f"../../../{deployed.paths[file]}"
        for name, file in ((TRAINER, binaries[0]), (MEASURE, binaries[1]), ("data.ebd", data))
    }
    words = [word for link in links.items() for word in link]
    host.run(["sh", "-c", _CLEAR, "sh", folder, links[TRAINER], *words])
    with tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary:
        local = Path(temporary) / "run.txt"
        local.write_text(run_file(run))
        put(host, local, f"{folder}/run.txt", file_sha256(local))


def _work(picked: Picked, folder: str, run: Run, meter: Metering, say: Say) -> None:
    """Trains in the prepared folder; its files are there afterwards."""
    device = picked.device
    forced = ["env", f"EDGEBNN_KERNEL={run.kernel}"] if run.kernel else []
    train = [
        *device.emulator,
        f"./{TRAINER}",
        "--run",
        "run.txt",
        "--data",
        "data.ebd",
        "--verified",
    ]
    train += ["--output", RECORD, "--export", NETWORK, "--checkpoint", CHECKPOINT, "--resume"]
    train += ["--stamps", STAMPS, "--threads", str(device.threads)]
    train += ["--steps", str(run.batches)] if run.batches else []
    picked.host.run(
        [*forced, *device.emulator, f"./{MEASURE}", *meter.options, "--", *train],
        folder=folder,
        within_s=None,
        on_line=lambda line: _follow(line, say),
        failure=JobError,
    )


def _follow(line: str, say: Say) -> None:
    """A line of the trainer's output: of interest are the epochs, and where it went on."""
    try:
        event: Any = json.loads(line)
    except json.JSONDecodeError:
        return
    if not isinstance(event, dict):
        return
    if event.get("event") == "epoch":
        figures = ", ".join(
            f"{name.replace('_', ' ')} {event[name]:.4f}"
            for name in ("loss", "accuracy", "validation_accuracy")
            if isinstance(event.get(name), int | float)
        )
        say(f"epoch {event.get('epoch')}/{event.get('epochs')}: {figures}")
    if event.get("event") == "resume":
        where = f"epoch {event.get('epoch')}, step {event.get('step')}"
        why = f" ({event['refused']})" if "refused" in event else ""
        say(f"resumed behind {where} from {event.get('from')}{why}")
