"""Tracking against a real SQLite store: complete, idempotent, and whole again after a SIGKILL."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.record import Artifact, Metric, Provenance, Record, file_sha256, provenance
from edgebnn.report.groups import Group
from edgebnn.tracking import child as child_run
from edgebnn.tracking.store import open_store, shown
from edgebnn.tracking.track import track

EPOCHS = 20
MANY = 1200  # more points than one batch of MLflow's takes
RECORDS = (("emulate", "e1"), ("device", "d1"), ("memory", "m1"))

Forked = Callable[..., list[int]]


@pytest.fixture(scope="session")
def empty_store(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A database with its schema, made once for all workers; each test takes a copy."""

    def make(path: Path) -> None:
        with open_store(f"sqlite:///{path}"):
            pass

    return once("mlflow.db", make)


@pytest.fixture
def study(tmp_path: Path, empty_store: Path) -> Iterator[Path]:
    """A folder `a study` with a store, a plan and three records, one of them in two experiments."""
    folder = tmp_path / "a study"  # a space: artifact locations are URIs
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    for stage, run_id in RECORDS:
        write_record(folder, stage, run_id)
    planned = {
        "digits": [
            {"stage": "emulate", "run_id": "e1", "method": "proposed"},
            {"stage": "device", "run_id": "d1", "method": "proposed"},
            {"stage": "device", "run_id": "not-run-yet", "method": "proposed"},
        ],
        "again": [
            {"stage": "memory", "run_id": "m1", "method": "mine"},
            {"stage": "emulate", "run_id": "e1", "method": "mine"},
        ],
    }
    (folder / "plan.json").write_text(json.dumps({"study": "trial", "experiments": planned}))
    yield folder


@pytest.fixture
def long_study(study: Path) -> Path:
    """The same with longer series."""
    for stage, run_id in RECORDS:
        write_record(study, stage, run_id, epochs=MANY)
    return study


@pytest.fixture(scope="module")
def forked() -> Iterator[Forked]:
    """`forked(study, ..., moment=..., uri=...)`: exit statuses of processes that track at the same time.

    Each is a fork of one process that loaded MLflow and never opened a store; see `serve_forks`.
    """
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        "import test_track; test_track.serve_forks()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def ask(*studies: Path, moment: str = "", uri: str = "") -> list[int]:
            asked = [[*map(str, studies)], moment, uri]
            print(json.dumps(asked), file=server.stdin, flush=True)
            return list(json.loads(server.stdout.readline()))

        yield ask
        server.stdin.close()
        assert server.wait() == 0


def serve_forks() -> None:
    """For each line of standard input, `[studies, moment, uri]`: a fork a study; prints their exit statuses.

    A fork dies by SIGKILL at its third call of the moment, a method of MlflowClient. What it prints
    goes to the file `said` of the study.
    """
    from mlflow import MlflowClient

    for line in sys.stdin:
        studies, moment, uri = json.loads(line)
        children = []
        for study in studies:
            if child := os.fork():
                children.append(child)
                continue
            said = os.open(Path(study) / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(said, 1)
            os.dup2(said, 2)
            if moment:
                setattr(MlflowClient, moment, deadly(getattr(MlflowClient, moment)))
            run_track(Path(study), uri)
            return
        print(
            json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]),
            flush=True,
        )


def deadly(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method; its third call is a SIGKILL."""
    calls = []

    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*args, **kwargs)

    return call


def write_record(
    folder: Path,
    stage: str,
    run_id: str,
    accuracy: float = 0.9,
    epochs: int = EPOCHS,
    **parameters: str | int,
) -> Path:
    path = folder / stage / f"{run_id}.json"
    path.parent.mkdir(exist_ok=True)
    trace = path.parent / f"{run_id}-power.csv"
    trace.write_text("seconds,watts\n0,2.5\n")
    network = trace.with_name(f"{run_id}-network.ebn")
    network.write_bytes(b"EDGEBNNN\0\xff")
    memory = stage == "memory"
    Record(
        stage=stage,
        run_id=run_id,
        parameters={"dataset": "mnist", "model": "mlp", "seed": 0, "learning_rate": 1e-3}
        | {f"p{i}": i for i in range(120)}
        | parameters,
        metrics={"memory_mib": Metric(value=2.5, source="modelled")}
        if memory
        else {"test_accuracy": Metric(value=accuracy, source="measured")},
        series={}
        if memory
        else {
            "loss": [(epoch, 1 / epoch) for epoch in range(1, epochs + 1)],
            "system/power_w": [(0.0, 2.5), (3.0, 2.75)],
            "profile/heap_mib": [(0.0, 1.5), (0.25, 9.5)],
        },
        tables={"variables": [{"variable": "X", "mib": 1.5}]} if memory else {},
        notes={} if memory else {"throttling": "none"},
        artifacts={}
        if memory
        else {
            name: Artifact(path=file.name, sha256=file_sha256(file))
            for name, file in (("power", trace), ("network", network))
        },
        provenance=Provenance(
            git_commit="0123456789ab",
            host="virtual-1",
            virtual=True,
            machine="Linux x86_64",
            versions={"python": "3.11"},
            started="2026-01-02T03:04:05+00:00",
        ),
    ).write(path)
    return path


def record_of(seed: int) -> Record:
    return Record(
        stage="emulate",
        run_id="e",
        parameters={"dataset": "mnist", "model": "mlp", "seed": seed},
        metrics={},
        provenance=provenance(""),
    )


def run_track(folder: Path, uri: str = "") -> dict[str, Any]:
    output = folder / "track.json"
    records = sorted(folder.glob("*/[edm]1.json"))
    track(records, folder / "plan.json", uri or f"sqlite:///{folder}/mlflow.db", output)
    return dict(json.loads(output.read_text()))


def reader(folder: Path) -> Any:
    """A client beside the one writer."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")


def runs_of(folder: Path) -> list[Any]:
    client = reader(folder)
    experiment = client.get_experiment_by_name("trial")
    return list(client.search_runs([experiment.experiment_id]))


def child(folder: Path, experiment: str, stage: str) -> Any:
    wanted = {"edgebnn.experiment": experiment, "edgebnn.stage": stage}
    (run,) = (run for run in runs_of(folder) if wanted.items() <= run.data.tags.items())
    return run


def parent(folder: Path, experiment: str) -> Any:
    wanted = {"edgebnn.experiment": experiment, "edgebnn.kind": "experiment"}
    (run,) = (run for run in runs_of(folder) if wanted.items() <= run.data.tags.items())
    return run


def state(folder: Path, kind: str = "") -> list[Any]:
    return sorted(
        (
            run.info.run_id,
            run.info.status,
            run.info.start_time,
            run.info.end_time,
            run.data.tags,
            run.data.metrics,
        )
        for run in runs_of(folder)
        if kind in ("", run.data.tags["edgebnn.kind"])
    )


def test_everything_is_logged(long_study: Path) -> None:
    summary = run_track(long_study)
    assert summary["logged"] == [
        "digits/emulate/e1",
        "digits/device/d1",
        "again/memory/m1",
        "again/emulate/e1",
    ]
    assert len(runs_of(long_study)) == 2 + 4
    run = child(long_study, "digits", "device")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "proposed-device-s0"
    assert run.data.params["learning_rate"] == "0.001"
    assert len(run.data.params) == 124
    assert run.data.metrics["test_accuracy"] == 0.9
    tags = run.data.tags
    assert tags["edgebnn.digest"] == file_sha256(long_study / "device" / "d1.json")
    assert tags["source.test_accuracy"] == "measured"
    assert tags["note.throttling"] == "none"
    assert (tags["edgebnn.device"], tags["edgebnn.virtual"]) == ("virtual-1", "true")
    assert tags["mlflow.source.git.commit"] == "0123456789ab"
    (parent,) = (
        run for run in runs_of(long_study) if run.info.run_id == tags["mlflow.parentRunId"]
    )
    assert (parent.info.run_name, parent.info.status) == ("digits", "FINISHED")
    (described,) = run.inputs.dataset_inputs
    assert described.dataset.name == "mnist"
    client = reader(long_study)
    loss = client.get_metric_history(run.info.run_id, "loss")
    assert sorted((m.step, m.value) for m in loss) == [
        (epoch, 1 / epoch) for epoch in range(1, MANY + 1)
    ]
    for name, later in (("system/power_w", 3000), ("profile/heap_mib", 250)):
        seen = sorted(client.get_metric_history(run.info.run_id, name), key=lambda m: m.step)
        assert [(m.step, m.timestamp - seen[0].timestamp) for m in seen] == [(0, 0), (1, later)]
    for folder, names in (("record", ["d1.json"]), ("files", ["d1-network.ebn", "d1-power.csv"])):
        files = client.list_artifacts(run.info.run_id, folder)
        assert sorted(file.path for file in files) == [f"{folder}/{name}" for name in names]
    memory = child(long_study, "again", "memory").info.run_id
    table = Path(client.download_artifacts(memory, "tables/variables.csv"))
    assert table.read_text() == "variable,mib\nX,1.5\n"
    (stored,) = (long_study / "mlartifacts" / "trial" / memory).rglob("variables.csv")
    assert stored.read_text() == table.read_text()


def test_twice_changes_nothing(study: Path) -> None:
    run_track(study)
    before = state(study)
    summary = run_track(study)
    assert state(study) == before
    assert (len(summary["unchanged"]), summary["logged"], summary["replaced"]) == (4, [], [])


def test_a_changed_record_is_replaced_and_nothing_else(study: Path) -> None:
    run_track(study)
    before = {entry[0]: entry for entry in state(study, "run")}
    write_record(study, "device", "d1", accuracy=0.95)
    assert run_track(study)["replaced"] == ["digits/device/d1"]
    assert parent(study, "digits").data.metrics["proposed/device/test_accuracy"] == 0.95
    after = {entry[0]: entry for entry in state(study, "run")}
    assert len(after) == len(before)
    assert sum(after[key] == before[key] for key in before.keys() & after.keys()) == len(before) - 1
    assert child(study, "digits", "device").data.metrics["test_accuracy"] == 0.95


def test_a_record_is_logged_when_it_comes(study: Path) -> None:
    (study / "device" / "d1.json").rename(study / "later")
    run_track(study)
    before, above = state(study, "run"), parent(study, "digits")
    assert "proposed/device/test_accuracy" not in above.data.metrics
    (study / "later").rename(study / "device" / "d1.json")
    assert run_track(study)["logged"] == ["digits/device/d1"]
    assert [entry for entry in state(study, "run") if entry in before] == before
    assert parent(study, "digits").info.run_id == above.info.run_id
    assert "proposed/device/test_accuracy" in parent(study, "digits").data.metrics


def test_a_parent_has_settings_means_and_words(study: Path) -> None:
    planned = json.loads((study / "plan.json").read_text())
    for seed, accuracy in ((1, 0.8), (2, 0.7)):
        write_record(study, "device", f"d{seed}", accuracy=accuracy, seed=seed, board="rpi3b+")
    planned["experiments"]["digits"].append(
        {"stage": "device", "run_id": "d2", "method": "proposed"}
    )
    (study / "plan.json").write_text(json.dumps(planned))
    records = [study / "emulate" / "e1.json", *(study / "device" / f"d{i}.json" for i in (1, 2))]
    track(records, study / "plan.json", f"sqlite:///{study}/mlflow.db", study / "track.json")
    found = parent(study, "digits").data
    assert found.params == {
        "dataset": "mnist",
        "model": "mlp",
        "learning_rate": "0.001",
        "methods": "proposed",
        "stages": "emulate, device",
    }
    assert found.metrics == {
        "proposed/emulate/test_accuracy": 0.9,
        "proposed/device/rpi3bplus/test_accuracy": pytest.approx(0.75),
        "proposed/device/rpi3bplus/test_accuracy_sd": pytest.approx(0.0707, rel=1e-3),
    }
    note = found.tags["mlflow.note.content"]
    assert "**MLP** on **MNIST**" in note and "seeds 0, 1, 2" in note
    assert "| proposed | device | rpi3b+ | 0 | test_accuracy 0.7500 ± 0.071 |" in note
    client = reader(study)
    said = client.get_experiment_by_name("trial").tags["mlflow.note.content"]
    assert (
        "The study `trial`" in said
        and "| digits | mnist | mlp | proposed | emulate, device |" in said
    )


def test_what_a_person_wrote_stays(study: Path) -> None:
    run_track(study)
    client, run = reader(study), parent(study, "digits").info.run_id
    where = client.get_experiment_by_name("trial").experiment_id
    client.set_tag(run, "mlflow.note.content", "mine")
    client.set_experiment_tag(where, "mlflow.note.content", "mine, too")
    write_record(study, "device", "d1", accuracy=0.95)
    run_track(study)
    assert parent(study, "digits").data.tags["mlflow.note.content"] == "mine"
    assert client.get_experiment(where).tags["mlflow.note.content"] == "mine, too"


def test_an_experiment_with_other_settings_gets_another_parent(study: Path) -> None:
    run_track(study)
    before, kept = parent(study, "digits").info.run_id, child(study, "digits", "device").info.run_id
    for stage, run_id in (("emulate", "e1"), ("device", "d1")):
        write_record(study, stage, run_id, learning_rate="0.5")
    shutil.copy(study / "device" / "d1.json", study / "device" / "d2.json")
    run_track(study)
    after = parent(study, "digits")
    assert after.info.run_id != before and after.data.params["learning_rate"] == "0.5"
    assert child(study, "digits", "device").data.tags["mlflow.parentRunId"] == after.info.run_id
    assert child(study, "digits", "device").info.run_id != kept


def test_a_long_study_fits_into_its_description() -> None:
    from edgebnn.tracking.parent import LONGEST_NOTE, study_described

    groups = [Group("e", "emulate", "m" * 60, (record_of(0),))]
    text = study_described("long", {f"experiment-{i}": groups for i in range(200)})
    assert len(text) <= LONGEST_NOTE and re.search(r"\n\d+ more\.", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", ["log_artifact", "log_batch", "log_inputs", "set_tag", "set_terminated"]
)
def test_killed_half_way_then_again(study: Path, moment: str, forked: Forked) -> None:
    if moment == "log_batch":
        for stage, run_id in RECORDS:
            write_record(study, stage, run_id, epochs=MANY)
    assert forked(study, moment=moment) == [-signal.SIGKILL], (study / "said").read_text()
    assert not (study / "track.json").exists()
    run_track(study)
    runs = [run for run in runs_of(study) if "edgebnn.run_id" in run.data.tags]
    assert len(runs_of(study)) == 2 + 4
    assert {run.info.status for run in runs_of(study)} == {"FINISHED"}
    for run in runs:
        assert run.data.tags["edgebnn.digest"]
        assert len(run.data.params) == 124
    before = state(study)
    run_track(study)
    assert state(study) == before


@pytest.mark.slow
def test_processes_that_meet_at_a_fresh_store(study: Path, forked: Forked) -> None:
    (study / "mlflow.db").unlink()
    statuses = forked(study, study, study)
    assert (study / "said").read_text() == ""
    assert statuses == [0, 0, 0]
    assert len(runs_of(study)) == 2 + 4


def test_quiet(study: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_track(study)
    assert capfd.readouterr() == ("", "")


def test_default_store_is_under_results(
    study: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    monkeypatch.chdir(study)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("results").mkdir()
    shutil.copy(empty_store, "results/mlflow.db")
    track([Path("device/d1.json")], Path("plan.json"), None, Path("results/track.json"))
    assert (study / "results" / "mlartifacts" / "trial").is_dir()


def test_unplanned_records_are_named_not_logged(study: Path) -> None:
    write_record(study, "emulate", "stranger")
    output = study / "track.json"
    uri = f"sqlite:///{study}/mlflow.db"
    track([study / "emulate" / "stranger.json"], study / "plan.json", uri, output)
    assert json.loads(output.read_text())["unplanned"] == ["emulate/stranger"]


def test_changed_artifact_is_an_error(study: Path) -> None:
    (study / "device" / "d1-power.csv").write_text("tampered")
    with pytest.raises(InfrastructureError, match=r"d1-power\.csv.*SHA-256 differs"):
        run_track(study)
    assert not (study / "track.json").exists()


def test_deleted_experiment_is_the_users_to_mend(study: Path) -> None:
    run_track(study)
    client = reader(study)
    client.delete_experiment(client.get_experiment_by_name("trial").experiment_id)
    with pytest.raises(ConfigError, match="experiment 'trial' was deleted"):
        run_track(study)


@pytest.mark.parametrize("content", ["{", "[]", '{"study": "x"}'])
def test_not_a_plan(study: Path, content: str) -> None:
    (study / "plan.json").write_text(content)
    with pytest.raises(ConfigError, match="not a plan's summary"):
        run_track(study)


def test_credentials_are_not_shown() -> None:
    assert shown("https://me:secret@mlflow.example:5000/x") == "https://mlflow.example:5000/x"
    assert shown("sqlite:///results/mlflow.db") == "sqlite:///results/mlflow.db"


def test_limits_are_mlflows() -> None:
    from mlflow.utils import validation

    assert child_run.METRICS_A_CALL <= validation.MAX_METRICS_PER_BATCH
    assert child_run.PARAMS_A_CALL <= validation.MAX_PARAMS_TAGS_PER_BATCH


def test_a_store_is_opened_quietly(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", raising=False)
    with open_store(f"sqlite:///{study}/mlflow.db"):
        assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "1"


@pytest.mark.parametrize("copied", [False, True])
def test_artifacts_follow_a_moved_folder(study: Path, copied: bool) -> None:
    run_track(study)
    moved = study.with_name("another place; 100 % #2")
    if copied:
        shutil.copytree(study, moved)
    else:
        study.rename(moved)
    before = {path.name for path in moved.rglob("d1-power.csv")}
    write_record(moved, "device", "d1", accuracy=0.95)
    assert run_track(moved)["replaced"] == ["digits/device/d1"]
    client = reader(moved)
    for experiment, stage in (("digits", "device"), ("digits", "emulate")):
        run = child(moved, experiment, stage).info
        assert len(client.list_artifacts(run.run_id, "files")) == 2
        assert (moved / "mlartifacts" / "trial" / run.run_id / "artifacts" / "files").is_dir()
    assert study.exists() == copied
    assert before


def test_a_folder_by_another_name_is_not_moved(study: Path) -> None:
    run_track(study)
    before = [run.info.artifact_uri for run in runs_of(study)]
    link = study.with_name("link")
    link.symlink_to(study)
    run_track(link)
    assert sorted(run.info.artifact_uri for run in runs_of(study)) == sorted(before)


def test_the_old_run_is_there_until_the_new_one_is_whole(study: Path) -> None:
    run_track(study)
    before = child(study, "digits", "device").info.run_id
    write_record(study, "device", "d1", accuracy=0.95)
    (study / "device" / "d1-power.csv").write_text("tampered")
    with pytest.raises(InfrastructureError, match="SHA-256 differs"):
        run_track(study)
    assert before in {run.info.run_id for run in runs_of(study)}
    write_record(study, "device", "d1", accuracy=0.95)
    assert run_track(study)["replaced"] == ["digits/device/d1"]
    assert child(study, "digits", "device").data.metrics["test_accuracy"] == 0.95


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("not a database, but a text of some length\n" * 50),
        lambda path: overwrite(path, 0, b"SQLite format 4"),
        lambda path: overwrite(path, 4096, bytes(4096)),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, 100),
    ],
)
def test_a_damaged_store_is_one_line(study: Path, damage: Callable[[Path], object]) -> None:
    damage(study / "mlflow.db")
    with pytest.raises(InfrastructureError, match=r"mlflow\.db: damaged \(") as caught:
        run_track(study)
    assert "move it away and run again" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "place", ["plan.json/mlflow.db", "mlflow.db/mlflow.db", "/proc/none/mlflow.db"]
)
def test_a_store_where_nothing_can_be_written(study: Path, place: str) -> None:
    with pytest.raises(InfrastructureError, match=r"mlflow\.db: cannot be used: ") as caught:
        track([], study / "plan.json", f"sqlite:///{study / place}", study / "track.json")
    assert "\n" not in str(caught.value)
    assert not (study / "track.json").exists()


def test_a_store_that_another_program_holds(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, timeout=0))
    with contextlib.closing(connect(study / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InfrastructureError, match="cannot be used: database is locked"):
            run_track(study)
