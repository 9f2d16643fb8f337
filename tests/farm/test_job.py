"""A run on a device from end to end: real SSH, stand-ins for the trainer, and the trainer itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, EdgebnnError, InfrastructureError, JobError
from edgebnn.farm.attempt import MOST_DEATHS
from edgebnn.farm.job import train_on_device
from edgebnn.record import file_sha256, read_record
from edgebnn.study.run import Run, canonical_json
from tests.farm.conftest import Place, only_virtual

ROOT = Path(__file__).parents[2]
METER = {"kind": "declared", "idle_w": 1.5, "load_w": 4.0}


@pytest.fixture
def train(run: Run, data: Path, place: Place, tmp_path: Path) -> Callable[..., list[str]]:
    """Trains with the programs of a build folder; returns what was said."""

    def call(build: Path, **changes: Any) -> list[str]:
        said: list[str] = []
        farm = place.farm(**changes.get("device", {"meter": METER}))
        output = tmp_path / "device" / "record.json"
        train_on_device(
            changes.get("run", run),
            changes.get("data", data),
            build,
            farm,
            output,
            tmp_path / "virtual",
            said.append,
        )
        return said

    return call


def left(tmp_path: Path) -> list[Path]:
    """Files of the outcome."""
    device = tmp_path / "device"
    kept = device / "state"
    found = (path for path in device.rglob("*") if path.is_file())
    return sorted(path for path in found if kept not in path.parents)


def jobs(place: Place) -> list[Path]:
    return list((place.home / "edgebnn" / "jobs").iterdir())


def test_the_record_says_what_was_measured(
    train: Callable[..., list[str]],
    build: Callable[..., Path],
    run: Run,
    place: Place,
    tmp_path: Path,
) -> None:
    said = train(build())
    assert said[0].startswith(f"{run.id} on one: ")
    assert said[1:3] == ["sent edgebnn-train", "sent digits.ebd"]  # the other for its trial
    assert said[3:-2] == [
        "epoch 1/2: loss 1.0000, accuracy 0.5000, validation accuracy 0.7500",
        "epoch 2/2: loss 0.5000, accuracy 0.5000, validation accuracy 0.7500",
    ]
    record = read_record(tmp_path / "device" / "record.json")
    assert said[-2:] == [f"{name}: {text}" for name, text in record.notes.items()]
    throttling = "none" if place.virtual else record.notes["throttling"]
    assert record.notes == {
        "throttling": throttling,
        "energy": "estimated: the watts of meter declared times measured seconds",
    }
    assert (record.stage, record.run_id) == ("device", run.id)
    device = {"target": "native", "threads": 1}
    meter = '{"idle_w":1.5,"kind":"declared","load_w":4.0}'
    assert record.parameters == {**run.parameters(), **device, "meter": meter}
    assert record.series == {
        "loss": [(1.0, 1.0), (2.0, 0.5)],
        "system/memory_mib": [(0.0, 2.0)],
        "system/power_w": [(1.0, 4.0)],
    }
    found = {name: (metric.value, metric.source) for name, metric in record.metrics.items()}
    assert found == {
        "test_accuracy": (0.875, "measured"),
        "time_per_batch_s": (0.25, "measured"),
        "time_per_batch_q1_s": (0.125, "measured"),
        "time_per_batch_q3_s": (0.5, "measured"),
        "train_time_s": (4.0, "measured"),
        "steps": (16.0, "measured"),
        "arena_planned_mib": (1.0, "modelled"),
        "arena_peak_mib": (1.0, "measured"),
        "peak_memory_mib": (3.0, "measured"),
        "energy_gross_j": (16.0, "estimated"),
        "energy_net_j": (10.0, "estimated"),
        "energy_per_batch_j": (1.0, "estimated"),
        "energy_net_per_batch_j": (0.625, "estimated"),
        "energy_batches": (16.0, "estimated"),
        "average_power_w": (4.0, "estimated"),
        "idle_power_w": (1.5, "estimated"),
    }
    where = record.provenance
    assert (where.host, where.virtual) == ("one", place.virtual)
    assert where.versions["edgebnn-train"] == "0"
    assert set(record.artifacts) == {"measure", "samples", "stamps", "network", "power"}
    for artifact in record.artifacts.values():
        assert file_sha256(tmp_path / "device" / artifact.path) == artifact.sha256
    assert (tmp_path / "device" / record.artifacts["power"].path).read_text() == (
        "begin_s,end_s,begin_w,end_w\n101.000000,105.000000,4.000000,4.000000\n"
    )
    assert jobs(place) == []
    assert not [line for line in train(build()) if line.startswith("sent")]


def test_without_a_meter_energy_is_absent(
    train: Callable[..., list[str]], build: Callable[..., Path], tmp_path: Path
) -> None:
    train(build(), device={})
    record = read_record(tmp_path / "device" / "record.json")
    assert not [name for name in record.metrics if "energy" in name or "power" in name]
    assert set(record.artifacts) == {"measure", "samples", "stamps", "network"}


def test_stamps_that_make_no_sense_cost_the_energy_not_the_training(
    train: Callable[..., list[str]], build: Callable[..., Path], tmp_path: Path
) -> None:
    _, _, text = (build() / "native" / "edgebnn-train").read_text().partition("\n")
    train(build(text + "open('stamps.txt', 'w').write('2.0 1.0\\n')\n"))
    record = read_record(tmp_path / "device" / "record.json")
    assert record.notes["energy"] == "absent: stamps.txt of the device: its times are in no order"
    assert record.value("test_accuracy") == 0.875


@only_virtual
def test_another_architectures_programs_run_under_the_emulator(
    train: Callable[..., list[str]],
    build: Callable[..., Path],
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An `emulator` that notes what it is to run, and runs it."""
    program = tmp_path / "bin" / "qemu-aarch64"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$1" >>~/emulated\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    programs = build()
    (programs / "native").rename(programs / "aarch64-linux")
    train(programs, device={"target": "aarch64-linux"})
    trial, *job = (place.home / "emulated").read_text().split()
    assert trial.startswith("edgebnn/store/")
    assert job == ["./edgebnn-measure", "./edgebnn-train"]
    record = read_record(tmp_path / "device" / "record.json")
    assert record.provenance.machine.endswith(", under qemu-aarch64")


NAN = "import sys; sys.exit('edgebnn-train: loss is NaN (run.txt: learning_rate)')"
KILLED = "import os; os.kill(os.getpid(), 9)"
NO_RECORD = ""
BROKEN = "open('record.json', 'w').write('{')"
STRANGER = """open('record.json', 'w').write('{"run_id": "other", "metrics": {}}')"""
INFINITE = """open('record.json', 'w').write('{"run_id": "x", "metrics": {"loss": NaN}}')"""
NO_SERVER = """
import os, signal, time
server = os.getpid()
while b"virtual_server" not in open(f"/proc/{server}/cmdline", "rb").read():
    server = int(open(f"/proc/{server}/stat").read().rpartition(")")[2].split()[1])
open(os.path.expanduser("~/processes"), "a").write(f"{os.getpid()} {os.getsid(0)} ")
os.kill(server, signal.SIGKILL)
time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        (NAN, JobError, r"failed \(exit status 1\)\n  edgebnn-train: loss is NaN"),
        (KILLED, JobError, r"was killed by signal 9"),
        (NO_RECORD, InfrastructureError, r"record\.json: No such file"),
        (BROKEN, JobError, r"the trainer's record of .*: JSON: Invalid JSON"),
        (STRANGER, JobError, r"is of run other"),
        (INFINITE, JobError, r"metrics\.loss: Input should be a finite number"),
    ],
)
def test_a_failure_writes_no_record(
    *,
    train: Callable[..., list[str]],
    build: Callable[..., Path],
    place: Place,
    tmp_path: Path,
    program: str,
    error: type[EdgebnnError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        train(build(program))
    assert left(tmp_path) == []
    (broken,) = jobs(place)
    (broken / "leftover").touch()
    train(build())  # the next attempt starts afresh
    assert (tmp_path / "device" / "record.json").exists()
    assert jobs(place) == []


@pytest.mark.slow
@only_virtual
def test_a_virtual_device_whose_server_dies_again_and_again_is_given_up(
    train: Callable[..., list[str]],
    build: Callable[..., Path],
    place: Place,
    ended: Callable[[int], bool],
) -> None:
    words = "one: the job was killed there .*, 3 times at the same place"
    with pytest.raises(InfrastructureError, match=words):
        train(build(NO_SERVER))
    processes = (place.home / "processes").read_text().split()
    assert len(processes) == 2 * MOST_DEATHS
    assert all(ended(int(process)) for process in processes)


@pytest.mark.parametrize("kernel", [None, "scalar"])
def test_a_forced_kernel_reaches_the_trainer(
    kernel: str | None,
    train: Callable[..., list[str]],
    build: Callable[..., Path],
    run: Run,
    place: Place,
) -> None:
    _, _, text = (build() / "native" / "edgebnn-train").read_text().partition("\n")
    tells = "import os; open(os.path.expanduser('~/kernel'), 'w').write(os.environ.get('EDGEBNN_KERNEL', ''))\n"
    train(build(tells + text), run=run.model_copy(update={"kernel": kernel}))
    assert (place.home / "kernel").read_text() == (kernel or "")


@only_virtual
def test_what_is_not_there_is_a_mistake_before_any_work(
    train: Callable[..., list[str]], build: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.native.edgebnn-train: .*edgebnn build native"):
        train(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"none\.ebd: no such file"):
        train(build(), data=tmp_path / "none.ebd")
    assert not (tmp_path / "virtual").exists()


SLOW = """
import os, time
print('{"event": "epoch", "epoch": 1, "epochs": 2}', flush=True)
open(os.path.expanduser("~/processes"), "w").write(f"{os.getpid()} {os.getppid()}")
time.sleep(1000)
"""


@only_virtual
def test_ctrl_c_ends_the_job_and_writes_nothing(
    *,
    build: Callable[..., Path],
    data: Path,
    run: Run,
    place: Place,
    tmp_path: Path,
    ended: Callable[[int], bool],
) -> None:
    """The command itself, in a process group of its own, as a terminal would have it."""
    (tmp_path / "run.json").write_text(canonical_json(run))
    options = {
        "--run": tmp_path / "run.json",
        "--data": data,
        "--build": build(SLOW),
        "--farm": place.farm(meter=METER).path,
        "--virtual": tmp_path / "virtual",
        "--output": tmp_path / "device" / "record.json",
    }
    words = [str(word) for option in options.items() for word in option]
    command = subprocess.Popen(
        [sys.executable, "-m", "edgebnn.cli", "device", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert command.stdout is not None
    lines = iter(command.stdout.readline, "")
    assert any(line.startswith("epoch 1/2") for line in lines)
    processes = place.home / "processes"
    while not (processes.exists() and len(processes.read_text().split()) == 2):
        assert command.poll() is None
    os.killpg(command.pid, signal.SIGINT)
    assert "interrupted" in command.stdout.read()
    assert command.wait() == 130
    command.stdout.close()
    assert all(ended(int(process)) for process in processes.read_text().split())
    assert not [path for path in left(tmp_path) if not path.name.endswith(".lock")]


def test_the_real_trainer_trains_on_a_device(
    train: Callable[..., list[str]], trainer: Path, digits: Path, run: Run, tmp_path: Path
) -> None:
    said = train(trainer, data=digits, device={"meter": METER, "threads": 2})
    assert sum(line.startswith("epoch ") for line in said) == run.epochs
    record = read_record(tmp_path / "device" / "record.json")
    values = {name: metric.value for name, metric in record.metrics.items()}
    assert values["test_accuracy"] > 0.5
    assert values["threads"] == 2
    assert values["time_per_batch_q1_s"] <= values["time_per_batch_s"]
    assert values["time_per_batch_s"] <= values["time_per_batch_q3_s"]
    assert values["arena_peak_mib"] == values["arena_planned_mib"]
    assert values["arena_peak_mib"] < values["peak_memory_mib"]
    assert values["energy_gross_j"] == pytest.approx(4.0 * values["train_time_s"], rel=1e-3)
    assert len(record.series["loss"]) == run.epochs
    raw = json.loads((tmp_path / "device" / record.artifacts["measure"].path).read_text())
    assert raw["exit_status"] == 0


def test_a_training_of_so_many_batches(
    train: Callable[..., list[str]],
    trainer: Path,
    digits: Path,
    run: Run,
    tmp_path: Path,
) -> None:
    few = run.model_copy(update={"batches": 3})  # of the twelve that two epochs have
    said = train(trainer, data=digits, run=few)
    assert sum(line.startswith("epoch ") for line in said) == 1
    record = read_record(tmp_path / "device" / "record.json")
    assert record.value("steps") == record.parameters["batches"] == 3


def test_a_devices_trained_network_predicts_as_its_record_says(
    train: Callable[..., list[str]], trainer: Path, digits: Path, tmp_path: Path
) -> None:
    train(trainer, data=digits)
    record = read_record(tmp_path / "device" / "record.json")
    artifact = record.artifacts["network"]
    network = tmp_path / "device" / artifact.path
    assert file_sha256(network) == artifact.sha256
    done = subprocess.run(
        [trainer / "native" / "edgebnn-train", "--predict", network, "--data", digits],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["accuracy"] == record.value("test_accuracy")
