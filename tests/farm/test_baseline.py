"""The Keras baseline on a device from end to end: real SSH, the real measuring program, real TensorFlow."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, JobError
from edgebnn.farm.baseline import train_baseline
from edgebnn.farm.baseline_found import NEEDED
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.samples import thinned
from edgebnn.record import Record, file_sha256, read_record
from edgebnn.study.config import parse_study
from edgebnn.study.plan import make_plan
from edgebnn.study.run import Run

ROOT = Path(__file__).parents[2]


ENDS = """#!/bin/sh
case $1 in -c) exit 0 ;; esac
{}
"""


@pytest.fixture
def ends(tmp_path: Path) -> Callable[[str], str]:
    """`ends(script)`: a stand-in for the device's Python, which ends as the shell's script does."""

    def write(script: str) -> str:
        program = tmp_path / "ends"
        program.write_text(ENDS.format(script))
        program.chmod(0o755)
        return str(program)

    return write


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """Four batches of the digits, by network."""
    experiment = {
        "name": "trial",
        "dataset": "digits",
        "model": "mlp",
        "methods": ["proposed"],
        "device": {"batch_size": 100, "batches": 4},
        "baseline": {"profile": False},
    }
    models = str(ROOT / "config" / "models")
    study = parse_study({"study": "s", "models": models, "experiments": [experiment]}, "s")
    found = make_plan(study, {"virtual": ["v1"]}).runs["baseline"].values()
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


@pytest.mark.parametrize("network", ["standard", pytest.param("float32", marks=pytest.mark.slow)])
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
    own = {"target": "native", "threads": 2, "meter": "none", "python": "default"}
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
        "peak_tree_pss_mib",
    }
    assert {metric.source for metric in record.metrics.values()} == {"measured"}
    assert (record.value("steps"), record.value("threads")) == (4, 2)
    assert record.value("peak_memory_mib") > 100  # type: ignore[operator]
    assert "outcome" not in record.notes
    assert {"edgebnn", "tensorflow", "keras"} <= set(record.provenance.versions)
    assert (record.provenance.host, record.provenance.virtual) == ("one", True)
    assert set(record.artifacts) == {"measure", "samples", "stamps"}
    assert record.series["system/memory_mib"]
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
    assert [line.split(":")[0] for line in said[3:8]] == [f"batch {n}/4" for n in range(5)]
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
    assert said[1:] == [f"outcome: {why}"]
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
    assert [path.name for path in (tmp_path / "baseline").iterdir()] == ["state"]


@pytest.mark.slow
@pytest.mark.heavy
def test_the_memory_over_time_is_a_run_of_its_own(
    train: Callable[..., tuple[Record, list[str]]],
    runs: dict[str, Run],
    trainer: Path,
    digits: Path,
    tmp_path: Path,
) -> None:
    watched = runs["float32"].model_copy(update={"profile": True})
    record, said = train(trainer, digits, run=watched)
    assert record.notes["memory_profile"] == "memray, of a run of its own of 3 batches"
    assert f"memory_profile: {record.notes['memory_profile']}" in said
    heap = record.value("heap_peak_mib")
    assert heap is not None
    # At least weights, gradients, and both moments of Adam: the network has 216,586 of them, in float32.
    assert 4 * 216_586 * 4 / 2**20 < heap < record.value("peak_memory_mib")  # type: ignore[operator]
    assert record.value("steps") == 4  # not those of the profile
    artifact = record.artifacts["memory_profile"]
    head, *lines = (tmp_path / "baseline" / artifact.path).read_text().splitlines()
    assert head == "seconds,heap_bytes,resident_bytes"
    rows = [tuple(map(float, line.split(","))) for line in lines]
    assert rows[0][0] == 0
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert max(row[1] for row in rows) <= heap * 2**20
    points = [(seconds, heap_bytes / 2**20) for seconds, heap_bytes, _ in rows]
    assert record.series["profile/heap_mib"] == thinned(points)


@pytest.mark.slow
@pytest.mark.heavy
def test_without_memray_the_profile_alone_is_absent(
    train: Callable[..., tuple[Record, list[str]]],
    runs: dict[str, Run],
    trainer: Path,
    digits: Path,
    tmp_path: Path,
) -> None:
    """A Python that finds every package but memray."""
    hidden = tmp_path / "hidden" / "memray"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError(\"No module named 'memray'\")\n")
    python = program(tmp_path / "python-x", f"env PYTHONPATH={hidden.parent}", sys.executable)
    watched = runs["float32"].model_copy(update={"profile": True})
    record, _ = train(trainer, digits, run=watched, python=python)
    assert record.notes["memory_profile"] == "absent: no memray in python-x of one"
    assert record.value("time_per_batch_s")
    assert record.value("heap_peak_mib") is None
    assert "memory_profile" not in record.artifacts


def trained(profile: str) -> str:
    """A stand-in for the Python that trains at once, and then profiles as is said."""
    record = {"metrics": dict.fromkeys(NEEDED, 1.0), "versions": {}}
    return f"""
case $1 in
  keras_train.py) echo '{json.dumps(record)}' >record.json; echo '1.0 2.0' >stamps.txt ;;
  *) {profile} ;;
esac
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo Segmentation >&2; exit 139", "keras_profile.py failed: Segmentation"),
        ("exit 9", "keras_profile.py failed: exit status 9"),
        ("exit 66", "no memray in ends of one"),
        ("true", "device one: edgebnn/jobs/"),
        ("echo 'seconds,heap_bytes,resident_bytes' >memory.csv; echo 'a,b' >>memory.csv", "memory.csv: "),
        ("printf 'head\\n0,1,2\\n' >memory.csv", "keras_profile.py told no peak"),
    ],
)  # fmt: skip
def test_a_profile_that_fails_costs_the_profile_alone(
    *,
    script: str,
    why: str,
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    runs: dict[str, Run],
    data: Path,
    ends: Callable[[str], str],
    tmp_path: Path,
) -> None:
    watched = runs["standard"].model_copy(update={"profile": True})
    record, _ = train(build(), data, run=watched, python=ends(trained(script)))
    assert record.notes["memory_profile"].startswith(f"absent: {why}")
    assert record.value("steps") == 1
    assert jobs(tmp_path) == []


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
    ends: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """A stand-in for the Python, which ends as one does there."""
    record, said = train(build(), data, python=ends(script))
    assert record.notes["outcome"] == why
    assert f"outcome: {why}" in said
    assert set(record.metrics) == ({"peak_memory_mib"} if "fit" in why else set())
    assert jobs(tmp_path) == []


LIMITED = """
import json, subprocess, sys
split = sys.argv.index("--")
options, command = sys.argv[1:split], sys.argv[split + 1:]
found = {{"start_s": 0, "peak_memory_bytes": 2**20 * 5 / 2, "memory_limit_by": {by!r}, "killed_for_memory": {killed}}}
if "--memory-limit" in options:
    found["memory_limit_bytes"] = int(options[options.index("--memory-limit") + 1]) * 2**20
status = subprocess.run(command, check=False).returncode
if "--samples" in options:
    open(options[options.index("--samples") + 1], "w").close()
json.dump(found, open(options[options.index("--output") + 1], "w"))
sys.exit(status if status >= 0 else 128 - status)
"""
"""A stand-in for edgebnn-measure under a limit."""


@pytest.mark.parametrize(
    ("by", "killed", "script", "why"),
    [
        ("cgroup", True, "kill -9 $$", "killed for memory under a limit of 900 MiB (cgroup)"),
        ("ulimit", False, "echo 'keras_train: out of memory: x' >&2; exit 64",
         "out of memory: x under a limit of 900 MiB (ulimit)"),
        ("ulimit", False, "kill -11 $$",
         "ended where memory was refused: exit status 139 under a limit of 900 MiB (ulimit)"),
        ("ulimit", False, "echo 'keras_train: no TensorFlow: a null pointer' >&2; exit 65",
         "ended where memory was refused: a null pointer under a limit of 900 MiB (ulimit)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_into_a_limit_is_a_result(
    *,
    by: str,
    killed: bool,
    script: str,
    why: str,
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    ends: Callable[[str], str],
) -> None:
    programs = build(measure=LIMITED.format(by=by, killed=killed))
    record, _ = train(programs, data, python=ends(script), memory_limit_mib=900)
    assert record.notes["outcome"] == f"does not fit: {why}"
    found = {name: metric.value for name, metric in record.metrics.items()}
    assert found == {"peak_memory_mib": 2.5, "memory_limit_mib": 900}
    assert record.parameters["memory_limit_mib"] == 900


@pytest.mark.parametrize(
    ("by", "script"),
    [
        ("cgroup", "kill -11 $$"),  # a crash that is no want of memory: nothing was killed
        ("ulimit", "echo 'keras_train: batch 3: the loss is no number' >&2; exit 1"),
    ],
)
def test_a_failure_under_a_limit_is_a_failure(
    *,
    by: str,
    script: str,
    train: Callable[..., tuple[Record, list[str]]],
    build: Callable[..., Path],
    data: Path,
    ends: Callable[[str], str],
) -> None:
    programs = build(measure=LIMITED.format(by=by, killed=False))
    with pytest.raises(JobError, match=r"keras_train\.py "):
        train(programs, data, python=ends(script), memory_limit_mib=900)


def test_a_real_limit_that_is_too_small(
    train: Callable[..., tuple[Record, list[str]]], trainer: Path, digits: Path
) -> None:
    """100 MiB, by a cgroup where the test may have one."""
    record, _ = train(trainer, digits, memory_limit_mib=100)
    why = record.notes["outcome"]
    assert why.startswith("does not fit: ")
    assert re.search(r" under a limit of 100 MiB \((cgroup|ulimit)\)$", why)
    assert record.value("memory_limit_mib") == 100
    assert record.value("peak_memory_mib") > 10  # type: ignore[operator]
    assert record.value("time_per_batch_s") is None


@pytest.mark.slow
def test_a_limit_that_is_large_enough_and_a_meter(
    train: Callable[..., tuple[Record, list[str]]], trainer: Path, digits: Path
) -> None:
    meter = {"kind": "declared", "idle_w": 1.5, "load_w": 4.0}
    record, _ = train(trainer, digits, meter=meter, memory_limit_mib=8000)
    assert "outcome" not in record.notes
    assert record.value("memory_limit_mib") == 8000
    seconds = record.value("train_time_s")
    assert record.value("energy_per_batch_j") == pytest.approx(seconds * 4.0 / 4, rel=1e-3)  # type: ignore[operator]
    assert record.metrics["energy_per_batch_j"].source == "estimated"


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
    ends: Callable[[str], str],
) -> None:
    script = f"echo '{record}' >record.json; touch stamps.txt"
    with pytest.raises(JobError, match=words):
        train(build(), data, python=ends(script))


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
