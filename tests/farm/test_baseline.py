"""The Keras baseline on a device from end to end: real SSH, the real measuring program, real TensorFlow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, JobError
from edgebnn.farm.baseline import train_baseline
from edgebnn.farm.inventory import Inventory
from edgebnn.record import Record, file_sha256, read_record
from edgebnn.study.config import parse_study
from edgebnn.study.plan import Run, make_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """Four batches of the digits, by network."""
    experiment = {
        "name": "trial",
        "dataset": "digits",
        "model": "mlp",
        "methods": ["proposed"],
        "device": {"batch_size": 100, "batches": 4},
        "baseline": {},
    }
    models = str(ROOT / "config" / "models")
    study = parse_study({"study": "s", "models": models, "experiments": [experiment]}, "s")
    found = make_plan(study, {"virtual"}).runs["baseline"].values()
    return {str(run.keras): run for run in found}


@pytest.fixture
def train(
    runs: dict[str, Run], inventory: Callable[..., Inventory], tmp_path: Path
) -> Callable[..., tuple[Record, list[str]]]:
    """Trains a network with the programs of a build folder; returns the record, as read, and what was said."""

    def call(
        build: Path, data: Path, network: str = "standard", run: Run | None = None, **device: Any
    ) -> tuple[Record, list[str]]:
        said: list[str] = []
        farm = inventory(one={"kind": "virtual", **device})
        output = tmp_path / "baseline" / "record.json"
        places = (data, build, farm, output, tmp_path / "virtual")
        train_baseline(run or runs[network], *places, said.append)
        return read_record(output), said

    return call


def jobs(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "virtual" / "one" / "edgebnn" / "jobs").iterdir())


@pytest.mark.parametrize("network", ["standard", "float32"])
def test_the_record_says_what_was_measured(
    *,
    network: str,
    train: Callable[..., tuple[Record, list[str]]],
    runs: dict[str, Run],
    trainer: Path,
    digits: Path,
    tmp_path: Path,
) -> None:
    record, said = train(trainer, digits, network, threads=2)
    assert (record.stage, record.run_id) == ("baseline", runs[network].id)
    own = {"target": "native", "threads": 2, "python": "default"}
    assert record.parameters == {**runs[network].parameters(), **own}
    assert record.parameters["method"] == f"keras-{network}"
    assert set(record.metrics) == {
        "time_per_batch_s",
        "time_per_batch_q1_s",
        "time_per_batch_q3_s",
        "train_time_s",
        "first_batch_s",
        "steps",
        "loss",
        "threads",
        "peak_memory_mib",
    }
    assert {metric.source for metric in record.metrics.values()} == {"measured"}
    assert (record.value("steps"), record.value("threads")) == (4, 2)
    assert record.value("peak_memory_mib") > 100  # type: ignore[operator]
    assert record.notes == {}
    assert {"edgebnn", "tensorflow", "keras"} <= set(record.provenance.versions)
    assert (record.provenance.host, record.provenance.virtual) == ("one", True)
    assert set(record.artifacts) == {"measure", "stamps"}
    for artifact in record.artifacts.values():
        assert file_sha256(tmp_path / "baseline" / artifact.path) == artifact.sha256
    measured = json.loads((tmp_path / "baseline" / record.artifacts["measure"].path).read_text())
    assert measured["exit_status"] == 0
    assert measured["peak_memory_bytes"] / 2**20 == record.value("peak_memory_mib")
    stamps = (tmp_path / "baseline" / record.artifacts["stamps"].path).read_text().splitlines()
    assert len(stamps) == 4
    for line in stamps:  # of the clock that the measuring program reads, too
        begin, end = map(float, line.split())
        assert measured["start_s"] < begin < end < measured["end_s"]
    assert said[1:3] == ["sent keras_train.py", f"sent {digits.name}"]
    assert [line.split(":")[0] for line in said[3:]] == [f"batch {n}/4" for n in range(5)]
    assert jobs(tmp_path) == []


def program(path: Path, *words: str) -> str:
    """A program of one word that is a Python with options."""
    path.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_no_tensorflow_is_a_result(
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    tmp_path: Path,
) -> None:
    """A Python without any package but its library; nothing is sent to it."""
    bare = program(tmp_path / "bare-python", sys.executable, "-I", "-S")
    record, said = train(build(), data, python=bare)
    why = "no TensorFlow in bare-python of one: No module named 'numpy'"
    assert record.notes == {"outcome": why}
    assert (record.metrics, record.artifacts) == ({}, {})
    assert said[1:] == [why]
    assert record.parameters["python"] == bare


def test_a_python_that_is_not_there_is_a_mistake(
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    tmp_path: Path,
) -> None:
    words = r"device one: python: '~/nowhere/python' cannot be started there \(.*not found"
    with pytest.raises(ConfigError, match=words):
        train(build(), data, python="~/nowhere/python")
    assert not (tmp_path / "baseline").exists()


def test_a_python_of_the_devices_home(
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "virtual" / "one").mkdir(parents=True)
    program(tmp_path / "virtual" / "one" / "python", sys.executable, "-I", "-S")
    record, _ = train(build(), data, python="~/python")
    assert record.notes["outcome"].startswith("no TensorFlow in python of one: ")


@pytest.mark.heavy
def test_a_failure_ends_with_the_scripts_last_lines(
    train: Callable[..., tuple[Record, list[str]]],
    runs: dict[str, Run],
    trainer: Path,
    digits: Path,
    tmp_path: Path,
) -> None:
    large = runs["standard"].model_copy(update={"batch_size": 5000})
    words = r"device one: keras_train.py failed \(exit status 1\)(?s:.*)\n  keras_train: batch_size: found 5000"
    with pytest.raises(JobError, match=words):
        train(trainer, digits, run=large)
    assert not (tmp_path / "baseline").exists()


ENDS = """#!/bin/sh
case $1 in -c) exit 0 ;; esac
{}
"""


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'keras_train: out of memory: OOM when allocating' >&2; exit 64",
         "does not fit: out of memory: OOM when allocating"),
        ("echo \"terminate called after throwing an instance of 'std::bad_alloc'\" >&2; exit 134",
         "does not fit: terminate called after throwing an instance of 'std::bad_alloc'"),
        ("echo 'keras_train: no TensorFlow: libtf.so: wrong ELF class' >&2; exit 65",
         "no TensorFlow in ends of one: libtf.so: wrong ELF class"),
    ],
)  # fmt: skip
def test_what_does_not_fit_or_cannot_be_loaded_is_a_result(
    *,
    script: str,
    why: str,
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    tmp_path: Path,
) -> None:
    """A stand-in for the Python, which ends as one does there."""
    (tmp_path / "ends").write_text(ENDS.format(script))
    (tmp_path / "ends").chmod(0o755)
    record, said = train(build(), data, python=str(tmp_path / "ends"))
    assert record.notes == {"outcome": why}
    assert said[-1] == why
    assert record.value("time_per_batch_s") is None
    assert jobs(tmp_path) == []


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("{", r"record.json: JSON: Invalid JSON"),
        ('{"metrics": {"steps": NaN}, "versions": {}}', r"metrics.steps: Input should be a finite"),
        ('{"metrics": {"steps": 3}, "versions": {}}', r"record.json lacks time_per_batch_s, "),
    ],
)
def test_a_broken_record_is_refused(
    *,
    record: str,
    words: str,
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    tmp_path: Path,
) -> None:
    script = f"echo '{record}' >record.json; touch stamps.txt"
    (tmp_path / "ends").write_text(ENDS.format(script))
    (tmp_path / "ends").chmod(0o755)
    with pytest.raises(JobError, match=words):
        train(build(), data, python=str(tmp_path / "ends"))


def test_another_stages_run_is_no_baseline(
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    run: Run,
) -> None:
    with pytest.raises(ConfigError, match="stage 'device' is no baseline"):
        train(build(), data, run=run)


def test_data_that_are_not_there(
    train: Callable[..., tuple[Record, list[str]]], build: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.ebd: no such file"):
        train(build(), tmp_path / "nothing.ebd")
