"""Training end to end: it learns, repeats itself exactly, and keeps to its plan."""

import json
import os
import signal
import subprocess
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import read_packed
from edgebnn.record import Metric, Record, provenance

PRESETS = ["standard", "proposed", "lean"]  # bare, without latent weights, has bop alone
NETWORKS = ["mlp", "conv", "stride"]
METRICS = {
    "test_accuracy", "test_loss", "test_accuracy_at_best", "test_images", "guessing_accuracy", "validation_accuracy",
    "best_validation_accuracy", "time_per_batch_q1_s", "time_per_batch_s", "time_per_batch_q3_s",
    "train_time_s", "arena_planned_bytes", "arena_peak_bytes", "process_peak_bytes", "steps", "threads",
}  # fmt: skip
TIMES = {name for name in METRICS if name.endswith("_s")} | {"process_peak_bytes"}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_it_learns(job: Any, network: str, preset: str, optimizer: str) -> None:
    job.network, job.preset = network, preset
    job.keys = {"optimizer": optimizer, "epochs": 12}
    record = job.record()
    metrics, losses = record["metrics"], [loss for _, loss in record["series"]["loss"]]
    assert losses[-1] < 0.6 * losses[0]
    # Chance is 0.25. Convolutions under sgd are on their way after these few steps, not there.
    assert metrics["test_accuracy"] >= (0.9 if network == "mlp" else 0.65)
    assert metrics["validation_accuracy"] == record["series"]["validation_accuracy"][-1][1]
    assert metrics["steps"] == 12 * 8


SWITCHES: list[dict[str, str]] = [
    {"gradient_dtype": "f32"},
    {"momentum_dtype": "f16", "weight_dtype": "f16"},
    {"momentum_dtype": "f32", "weight_dtype": "f32"},
    {"weight_gradient": "f32"},
    {"activations": "f32", "batch_norm": "l1"},
    {"activations": "f32", "batch_norm": "l2"},
    {"activations": "f32"},
    {"pool_mask": "f32"},
]


@pytest.mark.parametrize(("rate", "at_chance"), [(1e9, True), (0.01, False)])
def test_what_guessing_gives_is_told(job: Any, rate: float, at_chance: bool) -> None:
    """A learning rate beyond reason ends well, with a network that guesses."""
    job.keys = {"learning_rate": rate}
    metrics = job.record()["metrics"]
    labels = read_packed(job.data).test.labels
    assert metrics["test_images"] == len(labels)
    assert metrics["guessing_accuracy"] == np.bincount(labels).max() / len(labels)
    record = Record(
        stage="device",
        run_id="small",
        parameters={},
        metrics={name: Metric(value=v, source="measured") for name, v in metrics.items()},
        provenance=provenance(""),
    )
    assert record.at_chance is at_chance


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_every_switch_trains(job: Any, switches: dict[str, str]) -> None:
    job.keys = {"epochs": 12, **switches}
    assert job.record()["metrics"]["test_accuracy"] >= 0.8


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("preset", PRESETS)
def test_two_runs_are_one(job: Any, network: str, preset: str) -> None:
    job.network, job.preset = network, preset
    first, second = job.record(), job.record()
    for record in first, second:
        assert set(record["metrics"]) == METRICS
        for name in TIMES:
            assert record["metrics"].pop(name) > 0
    assert first == second
    job.keys = {"seed": 4}
    assert job.record()["series"] != first["series"]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("preset", PRESETS)
def test_threads_change_no_bit(job: Any, network: str, preset: str) -> None:
    job.network, job.preset = network, preset
    series = [job.record("--threads", n)["series"] for n in (1, 2, 3, 4, 9)]
    assert all(other == series[0] for other in series)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dtype", ["i16", "i6"])
@pytest.mark.parametrize("weight_gradient", ["bool", "f32"])
def test_threads_that_share_rows_of_dw_change_no_bit(
    job: Any, network: str, dtype: str, weight_gradient: str
) -> None:
    """Sums of integers are added from all of them, those of the padding once."""
    job.network = network
    job.keys = {"gradient_dtype": dtype, "weight_gradient": weight_gradient, "epochs": 2}
    dumps = []
    for threads in (1, 2, 3, 4):
        dump = job.folder / f"dump-{threads}"
        job.record("--threads", threads, "--dump", dump)
        dumps.append(dump.read_bytes())
    assert all(dump == dumps[0] for dump in dumps)


def test_output_is_json_lines_and_the_record(job: Any) -> None:
    done = job.train("--output", job.output)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["plan", *["epoch"] * 5, "record"]
    assert job.output.read_text() == done.stdout.splitlines()[-1] + "\n"
    assert sorted(path.name for path in job.folder.iterdir()) == ["a.run", "record.json"]
    epoch = lines[2]
    assert epoch["epoch"] == 2
    assert epoch["epochs"] == 5
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert lines[-1]["series"][name][1] == [2, epoch[name]]
        assert len(lines[-1]["series"][name]) == 5


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", [1, 7, 400])
def test_the_peak_is_the_plan(
    job: Any, network: str, preset: str, optimizer: str, batch_size: int
) -> None:
    job.network, job.preset = network, preset
    job.keys = {"batch_size": batch_size, "optimizer": optimizer}
    done = job.train("--steps", 1)
    assert done.returncode == 0, done.stderr
    plan, *_, record = map(json.loads, done.stdout.splitlines())
    metrics = record["metrics"]
    assert plan["arena_bytes"] == metrics["arena_planned_bytes"] == metrics["arena_peak_bytes"]
    persistent = sum(b["bytes"] for b in plan["buffers"] if b["life"][0] == 0)
    assert plan["arena_bytes"] >= persistent / 2
    assert all(b["bytes"] <= plan["arena_bytes"] for b in plan["buffers"])


def test_the_process_s_peak_is_its_own(job: Any) -> None:
    """Not what the process was before it became the trainer: a copy of whoever started it."""
    ballast = b"x" * (200 << 20)
    peak = job.record("--steps", 1)["metrics"]["process_peak_bytes"]
    assert 0 < peak < len(ballast) / 4


def test_plan_table(job: Any) -> None:
    done = job.train("--plan")
    assert done.returncode == 0
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["variable", "type", "phases", "MiB", "bytes"]
    assert any("dense): W" in row and "q15" in row for row in rows)
    _, mib, size = next(row for row in rows if row.startswith("arena")).split()
    planned = job.record("--steps", 1)["metrics"]["arena_planned_bytes"]
    assert int(size) == planned
    assert float(mib) == pytest.approx(planned / 2**20, abs=1e-4)
    as_json, line = job.train("--plan", "--json"), job.train("--steps", 1).stdout.splitlines()[0]
    assert as_json.stdout == f"{line}\n"
    alone = job.train("--json")
    assert (alone.returncode, alone.stderr) == (
        2,
        "edgebnn-train: --json: goes with --plan alone\n",
    )


def test_proposed_keeps_bits_only(job: Any) -> None:
    """No second moment, no real activations, one map; dW exists as a whole in no method."""
    plans = {}
    for preset in PRESETS:
        job.preset = preset
        plan = json.loads(job.train("--steps", 1).stdout.splitlines()[0])
        plans[preset] = {b["name"].split(": ")[-1]: b["type"] for b in plan["buffers"]}
    assert {"v", "X"} <= set(plans["standard"])
    assert not {"v", "X"} & set(plans["proposed"])
    assert plans["proposed"]["signs"] == "bit"
    assert all("dW" not in plan for plan in plans.values())


def test_schedules(job: Any) -> None:
    """A rate that falls to almost nothing stops the learning; one that does not fall, does not."""

    def series(schedule: str) -> Any:
        job.keys = {"schedule": schedule, "epochs": 6}
        return job.record()["series"]

    constant = series("constant")
    assert series("step 1e-9 100") == constant
    assert series("plateau 1e-9 100") == constant
    assert series("cosine 0.01") == constant  # its floor is the learning rate
    for schedule in ("step 1e-9 1", "cosine 0", "constant warmup 5"):
        assert series(schedule)["loss"][1:] != constant["loss"][1:]
    # What is learned while it warms up does not count as waiting.
    assert series("plateau 1e-9 1 warmup 5") == series("constant warmup 5")
    stopped = series("step 1e-9 2")["loss"]
    assert stopped[:2] == constant["loss"][:2]
    assert stopped[2:] != constant["loss"][2:]
    assert stopped[-1][1] > constant["loss"][-1][1]


def test_steps_end_the_run_early(job: Any) -> None:
    record = job.record("--steps", 11)
    assert record["metrics"]["steps"] == 11
    assert [step for step, _ in record["series"]["loss"]] == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_by_a_signal(job: Any, number: int) -> None:
    """At once, and with nothing half-written."""
    job.keys = {"epochs": 1000000}
    command = job.command("--output", job.output)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the plan: training begins
        process.send_signal(number)
        assert process.wait(timeout=60) == -number
    assert [path.name for path in job.folder.iterdir()] == ["a.run"]


def test_kernels_are_named(job: Any) -> None:
    done = job.train("--steps", 2, environment={**os.environ, "EDGEBNN_KERNEL": "scalar"})
    assert json.loads(done.stdout.splitlines()[-1])["versions"]["kernels"] == "scalar"
