"""A job that ended before its time goes on where it stopped: real SSH, stand-ins and the trainer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.errors import InfrastructureError, JobError
from edgebnn.farm.job import train_on_device
from edgebnn.record import Record
from edgebnn.study.run import Run
from edgebnn.trainer.run_file import run_file
from tests.farm.conftest import Place

ROOT = Path(__file__).parents[2]
METER = {"kind": "declared", "idle_w": 1.5, "load_w": 4.0}

# In front of the stand-in: the first attempt ends in the middle, the next goes on.
STOPS = """
import pathlib, sys
assert sys.argv[10:] == ["--checkpoint", "checkpoint", "--resume", "--stamps", "stamps.txt", "--threads", "1"]
if not pathlib.Path("checkpoint").exists():
    for name in ("checkpoint", "checkpoint.previous", "checkpoint.part", "other"):
        pathlib.Path(name).touch()
    sys.exit("edgebnn-train: the power is gone")
assert pathlib.Path("checkpoint.previous").exists()
assert not pathlib.Path("checkpoint.part").exists() and not pathlib.Path("other").exists()
print('{"event": "resume", "epoch": 1, "step": 2, "from": "checkpoint.previous",'
      ' "refused": "checkpoint: damaged"}', flush=True)
"""


@pytest.fixture
def job(place: Place, tmp_path: Path) -> Callable[..., Record]:
    """Trains on one virtual device; `say` hears the progress."""

    def train(run: Run, data: Path, build: Path, say: Callable[[str], None]) -> Record:
        farm = place.farm(meter=METER)
        output = tmp_path / "device" / "record.json"
        return train_on_device(run, data, build, farm, output, tmp_path / "virtual", say)

    return train


@pytest.fixture
def stops(build: Callable[..., Path]) -> Callable[[str], Path]:
    """The build folder of a stand-in that stops at first; `more` makes it another program."""

    def write(more: str = "") -> Path:
        folder = build()
        _, _, text = (folder / "native" / "edgebnn-train").read_text().partition("\n")
        return build(STOPS + text + more)

    return write


def jobs(place: Place) -> list[Path]:
    return list((place.home / "edgebnn" / "jobs").iterdir())


def test_the_next_attempt_finds_the_checkpoint(
    *, job: Callable[..., Record], stops: Callable[..., Path], run: Run, data: Path, place: Place
) -> None:
    said: list[str] = []
    with pytest.raises(JobError, match="the power is gone"):
        job(run, data, stops(), said.append)
    record = job(run, data, stops(), said.append)
    assert "resumed behind epoch 1, step 2 from checkpoint.previous (checkpoint: damaged)" in said
    assert record.metrics["test_accuracy"].value == 0.875
    assert record.metrics["energy_gross_j"].value == 16.0
    assert jobs(place) == []


def test_another_trainer_starts_anew(
    *, job: Callable[..., Record], stops: Callable[..., Path], run: Run, data: Path
) -> None:
    """Its results may be others: what it continues must be its own."""
    for more in ("", "# changed\n"):
        with pytest.raises(JobError, match="the power is gone"):
            job(run, data, stops(more), lambda line: None)


def trains_and_is_not_fetched(
    job: Callable[..., Record], run: Run, data: Path, build: Path, patch: pytest.MonkeyPatch
) -> None:
    """A job that came to its end, and whose files nobody could take."""

    def refuse(*_: object) -> None:
        raise InfrastructureError("device one: no disk")

    with patch.context() as refusing, pytest.raises(InfrastructureError, match="no disk"):
        refusing.setattr("edgebnn.farm.job.get", refuse)
        job(run, data, build, lambda line: None)


def test_what_was_trained_before_the_connection_dropped_is_fetched(
    *,
    job: Callable[..., Record],
    trainer: Path,
    digits: Path,
    run: Run,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole training was done: its figures, the energy too, are those of its end."""

    trains_and_is_not_fetched(job, run, digits, trainer, monkeypatch)
    said: list[str] = []
    record = job(run, digits, trainer, said.append)
    assert not [line for line in said if line.startswith(("epoch", "resumed"))]
    assert record.metrics["steps"].value == 12
    assert record.metrics["energy_per_batch_j"].value > 0
    assert jobs(place) == []


def test_what_was_lost_behind_the_last_batch_costs_the_energy_alone(
    *,
    job: Callable[..., Record],
    trainer: Path,
    digits: Path,
    run: Run,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole training was done, and the device went down before it was noted."""

    trains_and_is_not_fetched(job, run, digits, trainer, monkeypatch)
    (folder,) = jobs(place)
    (folder / "exit").unlink()
    record = job(run, digits, trainer, lambda line: None)
    assert record.metrics["steps"].value == 12
    assert record.notes["energy"] == "absent: the job resumed behind its last batch"
    assert "energy_per_batch_j" not in record.metrics


# In front of the real trainer: what it says stays in a small pipe from epoch 3 on, so that it cannot
# end before it is killed. The next attempt is the trainer alone.
HELD = """
import fcntl, os, signal, subprocess, sys
from pathlib import Path
real = {real!r}
if Path("checkpoint").exists() or Path("checkpoint.previous").exists():
    os.execv(real, [real, *sys.argv[1:]])
said, saying = os.pipe()
fcntl.fcntl(saying, fcntl.F_SETPIPE_SZ, 4096)  # while nothing is in it
trainer = subprocess.Popen([real, *sys.argv[1:]], stdout=saying)
os.close(saying)
lines = open(said, "rb", buffering=0)
while line := lines.readline():
    os.write(1, line)
    if b'"epoch":3,' in line:
        break
assert trainer.wait() == -signal.SIGKILL
os.kill(os.getpid(), signal.SIGKILL)
"""


def process_in(folder: Path, program: str) -> int:
    """The process of this program that works in a folder."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if words[0].decode().endswith(program) and (entry / "cwd").resolve() == folder:
                return int(entry.name)
        except (OSError, UnicodeDecodeError):
            continue
    raise AssertionError(f"no {program} runs in {folder}")


def test_a_killed_trainer_goes_on_where_it_was(
    *,
    job: Callable[..., Record],
    build: Callable[..., Path],
    trainer: Path,
    digits: Path,
    run: Run,
    place: Place,
    tmp_path: Path,
) -> None:
    run = run.model_copy(update={"epochs": 60})  # their lines are more than HELD's pipe takes
    (tmp_path / "run.txt").write_text(run_file(run))
    command = [trainer / "native" / "edgebnn-train", "--run", tmp_path / "run.txt"]
    done = subprocess.run(
        [*command, "--data", digits], check=True, stdout=subprocess.PIPE, text=True
    )
    whole = json.loads(done.stdout.splitlines()[-1])

    held = build(HELD.format(real=str(trainer / "native" / "edgebnn-train")))
    shutil.copy(trainer / "native" / "edgebnn-measure", held / "native")
    folder = place.home / "edgebnn" / "jobs" / run.id
    killed: list[int] = []

    def kill(line: str) -> None:
        if line.startswith("epoch 3/") and not killed:
            killed.append(process_in(folder.resolve(), "edgebnn-train"))
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(JobError, match="killed by signal 9"):
        job(run, digits, held, kill)
    names = ("checkpoint", "checkpoint.previous")  # the latter alone between two renames
    assert any((folder / name).exists() for name in names)

    said: list[str] = []
    resumed = job(run, digits, held, said.append)
    (where,) = [line for line in said if line.startswith("resumed behind epoch ")]
    assert where.rpartition(" from ")[2].split()[0] in names
    first = next(line for line in said if line.startswith("epoch "))
    assert int(first.removeprefix("epoch ").partition("/")[0]) > 2
    for name, series in whole["series"].items():
        assert resumed.series[name] == [tuple(pair) for pair in series]
    for name in ("test_accuracy", "test_loss", "test_accuracy_at_best", "steps"):
        assert resumed.metrics[name].value == whole["metrics"][name]
    assert resumed.metrics["arena_peak_mib"].value == whole["metrics"]["arena_peak_bytes"] / 2**20
    assert not folder.exists()
