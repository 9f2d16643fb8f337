"""The whole workflow on a tiny study: the real Snakemake, emulation, trainer, SSH and MLflow."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from .conftest import ROOT, STUDY, Workflow, end_group

pytestmark = pytest.mark.slow


def mlflow_runs(workflow: Workflow) -> dict[tuple[str, str, str], str]:
    """(experiment, stage, edgebnn.run_id) -> MLflow's run id, of every live run; fails on doubles."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{workflow.results}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    keys = [
        (
            run.data.tags.get("mlflow.parentRunId", ""),
            run.data.tags.get("edgebnn.stage", ""),
            run.data.tags.get("edgebnn.run_id", run.info.run_name),
        )
        for run in runs
    ]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert {run.info.status for run in runs} == {"FINISHED"}
    return dict(zip(keys, (run.info.run_id for run in runs), strict=True))


@dataclass
class Undisturbed:
    """A study that ran from its beginning to its end."""

    workflow: Workflow
    output: str
    duration_s: float
    records: dict[str, Any]
    runs: list[list[str]]
    """Stage and run id of what is in MLflow."""


@pytest.fixture
def undisturbed(
    shared_folder: Path, once: Callable[[str, Callable[[Path], Any]], Path]
) -> Undisturbed:
    """Made once for all who look at one: those look, and leave its records as they are."""
    made = Workflow(shared_folder / "undisturbed")

    def run(facts: Path) -> None:
        made.folder.mkdir()
        made.configure()
        began = time.monotonic()
        status, output = made.run()
        assert status == 0, output
        runs = [key[1:] for key in mlflow_runs(made)]
        facts.write_text(json.dumps([output, time.monotonic() - began, made.records(), runs]))

    return Undisturbed(made, *json.loads(once("undisturbed-facts", run).read_text()))


def test_end_to_end_then_nothing_to_do(undisturbed: Undisturbed) -> None:
    workflow, output = undisturbed.workflow, undisturbed.output
    assert "Report:" in output
    assert "mlflow ui --backend-store-uri" in output
    finished = re.findall(r"^\[(\d+)/(\d+)\] \w+", output, re.MULTILINE)  # off a terminal
    assert finished == [(str(number), "15") for number in range(1, 16)]
    assert len(output.splitlines()) < 50
    assert len(workflow.records()) == 10  # 4 + 2 of the memory model, 2 emulated, 2 on devices
    assert (workflow.results / "report" / "index.html").stat().st_size > 10_000
    before = mlflow_runs(workflow)
    assert len(before) >= 8

    status, output = workflow.run()
    assert status == 0
    assert "Nothing to be done" in output

    status, output = workflow.run("--forcerun", "track_records")
    assert status == 0, output
    assert mlflow_runs(workflow) == before

    status, output = workflow.run("--report", str(workflow.folder / "snakemake.html"))
    assert status == 0, output
    assert (workflow.folder / "snakemake.html").stat().st_size > 10_000
    assert workflow.leftovers() == []


def test_killed_at_random_moments_it_ends_in_the_same_records(
    workflow: Workflow, undisturbed: Undisturbed
) -> None:
    moments = random.Random(4)
    for _ in range(5):
        process = workflow.start()
        time.sleep(moments.uniform(0.1, 0.6) * undisturbed.duration_s)
        process.kill()  # SIGKILL, to snakemake alone: its jobs live on
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    status, output = workflow.run()
    assert status == 0, output
    assert json.loads(json.dumps(workflow.records())) == undisturbed.records
    assert sorted([*key[1:]] for key in mlflow_runs(workflow)) == sorted(undisturbed.runs)
    assert not list(workflow.results.rglob("*.part"))
    assert workflow.leftovers() == []


ONE_METHOD = {**STUDY["experiments"][0], "methods": ["proposed"]}  # type: ignore[index]


def test_ctrl_c_leaves_no_process(workflow: Workflow) -> None:
    workflow.configure(experiments=[ONE_METHOD])
    process = workflow.start()
    logs = workflow.results / "logs" / "device"
    while not list(logs.glob("*.log")) and process.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    end_group(process)
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "Finished jobs are kept" in output.rstrip().splitlines()[-1], output
    deadline = time.monotonic() + 30
    while workflow.leftovers() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert workflow.leftovers() == []
    assert workflow.run()[0] == 0


def test_a_failed_job_stops_no_other_and_is_named(workflow: Workflow) -> None:
    experiments = [
        ONE_METHOD,
        {
            "name": "no-data",
            "dataset": "mnist",
            "model": "mlp",
            "methods": ["standard"],
            "emulate": {"epochs": 1},
        },
    ]
    damaged = workflow.folder / "data"
    damaged.mkdir()
    np.savez(
        damaged / "mnist.npz",
        x_train=np.tile(np.arange(256, dtype=np.uint8), 2400 * 49 // 16).reshape(2400, 28, 28),
        y_train=np.arange(2400) % 10,
        x_test=np.zeros((100, 28, 28), np.uint8),
        y_test=np.arange(100) % 10,
    )
    with (damaged / "mnist.npz").open("r+b") as file:
        file.seek(1_500_000)  # behind what the plan looks at
        file.write(b"damage")
    workflow.configure(experiments=experiments, data_dir=str(damaged))
    status, output = workflow.run("--retries", "0")
    assert status != 0
    last = [line.strip() for line in output.rstrip().splitlines()[-5:]]
    assert re.fullmatch(r"Failed: pack_data mnist \w+", last[0])
    assert "mnist.npz: truncated or not an .npz archive" in last[1]
    assert re.fullmatch(rf"log: {workflow.results}/logs/data/mnist-\w+\.log", last[2])
    assert last[3:] == ["", "Finished jobs are kept; the same command goes on from there."]
    # All but the one without data: 2 trained, 2 of their memory, 2 of the study's rows (one is the failed one's).
    assert len(workflow.records()) == 6
    assert not list((workflow.results / "data").glob("mnist-*.ebd"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"experiments": [{"name": "x"}]}, ["study.yaml", "experiments.0.dataset", "required"]),
        ({"studdy": "x"}, ["study.yaml", "studdy", "did you mean 'study'"]),
        ({"farm": "none.yaml"}, ["none.yaml", "No such file"]),
        (
            {
                "experiments": [
                    {**STUDY["experiments"][0], "model": "resnete18", "dataset": "imagenet"}
                ]
            },  # type: ignore[index]
            ["model 'resnete18'", "layer 1 (conv)", "not yet"],
        ),
    ],
)
def test_a_mistake_stops_the_study_before_any_work(
    workflow: Workflow, change: dict[str, object], words: list[str]
) -> None:
    workflow.configure(**change)
    status, output = workflow.run()
    assert status != 0
    for word in words:
        assert word.lower() in output.lower()
    assert "Traceback" not in output
    assert not workflow.results.exists()


def test_a_board_never_runs_two_jobs_at_once(workflow: Workflow) -> None:
    """Snakemake's slots come from the inventory (through an undocumented interface: hence this test)."""
    inventory = workflow.folder / "farm.yaml"
    inventory.write_text(yaml.safe_dump({"devices": {"only": {"kind": "virtual"}}}))
    on_the_board = {**STUDY["experiments"][0], "emulate": None}  # type: ignore[index]
    workflow.configure(farm=str(inventory), experiments=[on_the_board])
    status, output = workflow.run("--cores", "8")
    assert status == 0, output
    logs = [path.read_text() for path in (workflow.results / "logs" / "device").glob("*.log")]
    assert len(logs) == 2
    assert not any("busy: only" in log for log in logs)  # so says a job that finds the board taken


def test_every_rule_calls_a_stage_with_paths() -> None:
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        text = path.read_text()
        assert text.startswith("# Purpose:"), path.name
        for rule in text.split("\nrule ")[1:]:
            assert "log:" in rule, path.name
            assert "conda:" in rule, path.name
            assert "\n    run:\n" not in rule, path.name
