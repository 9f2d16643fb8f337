"""A study that runs, followed into a real SQLite store: curves grow, records take their place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgebnn.epochs import FILE, SERIES, forget_epochs, note_epoch, noted_epochs
from edgebnn.record import Metric, Record, provenance
from edgebnn.study.model_file import parse_network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run, canonical_json
from edgebnn.study.switches import PRESETS
from edgebnn.tracking.live import Follower, follow
from edgebnn.tracking.store import open_store


def figures(epoch: int) -> dict[str, float]:
    return {name: epoch + number / 10 for number, name in enumerate(SERIES)}


def test_epochs_are_read_as_they_were_noted(tmp_path: Path) -> None:
    """The last word on an epoch counts; a line that is torn, or of something else, is passed over."""
    for epoch in (1, 2, 3, 2):
        note_epoch(tmp_path / "state", epoch, {**figures(epoch), "seconds": 1.0})
    file = tmp_path / "state" / FILE
    with file.open("a") as lines:
        lines.write('[1]\n{"epoch": 9}\n{"epoch": 9, "loss": NaN}\n{"epoch": 4, "los')
    assert noted_epochs(tmp_path / "state") == {n: figures(n) for n in (1, 2, 3)}
    forget_epochs(tmp_path / "state")
    forget_epochs(tmp_path / "state")
    assert noted_epochs(tmp_path / "state") == {}
    (tmp_path / "file").write_text("")
    note_epoch(tmp_path / "file", 1, figures(1))  # no folder can be there: training goes on


@pytest.fixture
def run() -> Run:
    layers = ["flatten", {"dense": 10}, "batch_norm"]
    return Run(
        stage="emulate",
        dataset="digits",
        model="mlp",
        network=parse_network({"input": [8, 8, 1], "layers": layers}, "test"),
        switches=PRESETS["proposed"],
        optimizer=Optimizer(),
        batch_size=100,
        epochs=9,
        seed=3,
    )


@pytest.fixture
def results(tmp_path: Path, run: Run) -> Path:
    """A folder with a plan of one training, which has not begun."""
    folder = tmp_path / "results"
    path = folder / "runs" / "emulate" / f"{run.id}.json"
    path.parent.mkdir(parents=True)
    path.write_text(canonical_json(run))
    planned = {"digits": [{"stage": "emulate", "run_id": run.id, "method": "proposed"}]}
    (folder / "plan.json").write_text(json.dumps({"study": "trial", "experiments": planned}))
    return folder


def record_of(run: Run) -> Record:
    return Record(
        stage="emulate",
        run_id=run.id,
        parameters=run.parameters(),
        metrics={"test_accuracy": Metric(value=0.5, source="measured")},
        series={name: [(epoch, figures(epoch)[name]) for epoch in range(1, 10)] for name in SERIES},
        provenance=provenance("2026-01-02T03:04:05+00:00"),
    )


def in_store(uri: str) -> dict[str, tuple[str, list[tuple[int, float]]]]:
    """Name -> status and curve of the loss, of the runs below experiments."""
    with open_store(uri) as client:
        where = client.get_experiment_by_name("trial").experiment_id
        runs = client.search_runs([where], "tags.`edgebnn.kind` = 'run'")
        return {
            run.info.run_name: (
                run.info.status,
                [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss")],
            )
            for run in runs
        }


def test_a_curve_grows_until_its_record_is_there(results: Path, run: Run) -> None:
    uri = f"sqlite:///{results}/mlflow.db"
    said: list[str] = []
    follower = Follower(results / "plan.json", uri, said.append)
    state = results / "emulate" / "state" / run.id
    assert not follower.changed()
    for epochs in ((1, 2), (3,)):
        for epoch in epochs:
            note_epoch(state, epoch, figures(epoch))
        assert follower.changed()
        assert not follower.changed()
        follower.log()
    curve = [(epoch, figures(epoch)["loss"]) for epoch in range(1, 10)]
    assert in_store(uri) == {"proposed-emulate-s3": ("RUNNING", curve[:3])}
    follower.end()
    assert in_store(uri) == {"proposed-emulate-s3": ("KILLED", curve[:3])}

    again = Follower(results / "plan.json", uri, said.append)
    note_epoch(state, 4, figures(4))
    assert again.changed()
    again.log()
    assert in_store(uri) == {"proposed-emulate-s3": ("RUNNING", curve[:4])}

    record_of(run).write(results / "emulate" / f"{run.id}.json")
    forget_epochs(state)
    assert again.changed()
    again.log()
    again.end()
    assert in_store(uri) == {"proposed-emulate-s3": ("FINISHED", curve)}
    assert said == []


def test_a_training_stands_below_its_experiment(results: Path, run: Run) -> None:
    """From the experiment's first record on; it has no run before."""
    uri = f"sqlite:///{results}/mlflow.db"
    other = run.model_copy(update={"seed": 4})
    plan = json.loads((results / "plan.json").read_text())
    planned = {"stage": "emulate", "run_id": other.id, "method": "proposed"}
    plan["experiments"]["digits"].append(planned)
    (results / "plan.json").write_text(json.dumps(plan))
    follower = Follower(results / "plan.json", uri, print)
    note_epoch(results / "emulate" / "state" / run.id, 1, figures(1))
    for parents in (0, 1):
        assert follower.changed()
        follower.log()
        with open_store(uri) as client:
            where = client.get_experiment_by_name("trial").experiment_id
            runs = {r.info.run_name: r for r in client.search_runs([where])}
        below = runs["proposed-emulate-s3"].data.tags.get("mlflow.parentRunId")
        assert ("digits" in runs) == bool(parents)
        assert below == (runs["digits"].info.run_id if parents else None)
        record_of(other).write(results / "emulate" / f"{other.id}.json")


def test_a_store_out_of_reach_is_said_once_and_tried_again(results: Path, run: Run) -> None:
    said: list[str] = []
    follower = Follower(results / "plan.json", "http://127.0.0.1:9", said.append)
    note_epoch(results / "emulate" / "state" / run.id, 1, figures(1))
    for _ in range(2):
        assert follower.changed()
        follower.log()
    assert len(said) == 1
    assert "MLflow at http://127.0.0.1:9" in said[0]
    assert said[0].endswith("trying again while the study runs")
    follower.uri = f"sqlite:///{results}/mlflow.db"
    assert follower.changed()
    follower.log()
    assert in_store(follower.uri)["proposed-emulate-s3"][0] == "RUNNING"


def test_whoever_started_it_may_be_gone_before_it_is_up(results: Path, run: Run) -> None:
    """Then its parent is another process, one that does not end."""
    note_epoch(results / "emulate" / "state" / run.id, 1, figures(1))
    uri = f"sqlite:///{results}/mlflow.db"
    before = signal.getsignal(signal.SIGTERM)
    follow(results / "plan.json", uri, print, rest_s=0, starter=os.getppid() + 1)
    signal.signal(signal.SIGTERM, before)
    assert statuses(uri) == []


@pytest.mark.slow
def test_it_ends_with_the_process_that_started_it(results: Path, run: Run) -> None:
    """Killed as it may be: what it followed is not RUNNING for ever."""
    note_epoch(results / "emulate" / "state" / run.id, 1, figures(1))
    uri = f"sqlite:///{results}/mlflow.db"
    words = ["track", "--follow", "--plan", str(results / "plan.json"), "--tracking-uri", uri]
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'edgebnn.cli', *sys.argv[1:]]); "
        "print(p.pid, flush=True); p.wait()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    follower = int(starter.stdout.readline())
    while statuses(uri) != ["RUNNING"]:
        time.sleep(0.5)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    while Path(f"/proc/{follower}").exists() and _state(follower) != "Z":
        time.sleep(0.1)
    assert statuses(uri) == ["KILLED"]


def statuses(uri: str) -> list[str]:
    if not Path(uri.removeprefix("sqlite:///")).exists():
        return []
    with open_store(uri) as client:
        found: Any = client.get_experiment_by_name("trial")
        return (
            [run.info.status for run in client.search_runs([found.experiment_id])] if found else []
        )


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
