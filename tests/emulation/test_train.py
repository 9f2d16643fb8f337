"""The stage: it learns with every switch, resumes as if nothing had happened, and says no clearly."""

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, write_packed
from edgebnn.emulation.train import emulate
from edgebnn.errors import ConfigError, JobError
from edgebnn.record import file_sha256, read_record
from edgebnn.study.network import parse_network
from edgebnn.study.switches import PRESETS, Switches

SINGLE_SWITCHES = [
    (preset, name, value)
    for preset in ("standard", "proposed")
    for name, field in Switches.model_fields.items()
    for value in field.annotation.__args__
    if value != getattr(PRESETS[preset], name)
]


def train(run, data, folder, progress=lambda line: None):
    return emulate(
        run, data, folder / "record.json", folder / "state", progress=progress, threads=1
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_learn(preset, make_run, blobs_file, tmp_path):
    record = train(make_run(preset), blobs_file, tmp_path)
    assert record.value("test_accuracy") > 0.9


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("pool", ["before", "after"])
def test_convolutions_learn(pool, preset, make_run, blobs_file, tmp_path):
    before, after = ([{"max_pool": 2}], []) if pool == "before" else ([], [{"max_pool": 2}])
    layers = [{"conv": 16}, "batch_norm", "sign"]
    layers += [{"conv": 16}, *before, "batch_norm", "sign", *after]
    layers += ["flatten", {"dense": 5}, "batch_norm"]
    network = parse_network({"input": [4, 5, 1], "layers": layers}, "test")
    record = train(make_run(preset, network=network), blobs_file, tmp_path)
    assert record.value("test_accuracy") > 0.85


@pytest.mark.parametrize("switch", SINGLE_SWITCHES, ids="-".join)
def test_single_switches_learn(switch, make_run, blobs_file, tmp_path):
    preset, name, value = switch
    changes = {name: value}
    if (name, value) == ("activations", "bool"):
        changes["batch_norm"] = "bnn"  # which it needs
    if name == "batch_norm" and preset == "proposed":
        changes["activations"] = "f32"  # which they need
    if preset == "standard" and (name, value) in (
        ("momentum_dtype", "i8"),
        ("momentum_dtype", "i4"),
    ):
        with pytest.raises(ValueError, match=f"momentum_dtype: {value}.*weight_gradient: bool"):
            make_run(preset, **changes)
        return
    record = train(make_run(preset, **changes), blobs_file, tmp_path)
    assert record.value("test_accuracy") > 0.85


@pytest.mark.parametrize("preset", ["standard", "proposed"])
@pytest.mark.parametrize(
    "optimizer",
    [
        {"kind": "sgd", "learning_rate": 0.1},
        {"kind": "bop", "gamma": 1e-2, "tau": 1e-6},
    ],
    ids=lambda optimizer: optimizer["kind"],
)
def test_optimizers_learn(preset, optimizer, make_run, blobs_file, tmp_path):
    if optimizer["kind"] == "bop" and preset == "proposed":
        optimizer = {**optimizer, "tau": 0.05}  # in units of sign
    record = train(make_run(preset, optimizer=optimizer), blobs_file, tmp_path)
    assert record.value("test_accuracy") > 0.85


def test_record_is_complete(make_run, blobs_file, tmp_path):
    lines = []
    run = make_run(epochs=3)
    record = train(run, blobs_file, tmp_path, lines.append)
    assert record == read_record(tmp_path / "record.json")
    assert len(lines) == 3
    assert [step for step, _ in record.series["validation_accuracy"]] == [1, 2, 3]
    assert {m.source for m in record.metrics.values()} == {"measured"}
    assert record.value("steps") == 36
    times = [record.value(f"time_per_batch{q}_s") for q in ("_q1", "", "_q3")]
    assert 0 < times[0] <= times[1] <= times[2]
    assert record.value("train_time_s") > 0
    assert record.value("peak_memory_mib") > 50
    assert record.value("best_validation_accuracy") == max(
        value for _, value in record.series["validation_accuracy"]
    )
    artifact = record.artifacts["model"]
    assert artifact.path == f"{run.id}/model.keras"
    assert file_sha256(tmp_path / artifact.path) == artifact.sha256
    assert not (tmp_path / "state").exists()


def test_the_saved_model_is_the_best_one(make_run, blobs, blobs_file, tmp_path):
    from edgebnn.emulation.batches import centred

    record = train(make_run(epochs=3), blobs_file, tmp_path)
    model = keras.models.load_model(tmp_path / record.artifacts["model"].path)
    predicted = np.argmax(model(centred(blobs.test.images)), -1)
    accuracy = np.mean(predicted == blobs.test.labels)
    assert accuracy == pytest.approx(record.value("test_accuracy_at_best"))


SCRIPT = """
import sys
from pathlib import Path
from edgebnn.emulation.train import emulate
from edgebnn.study.plan import Run
run, data, folder = Run.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
emulate(run, data, folder / "record.json", folder / "state",
        progress=lambda line: print(line, flush=True), threads=1)
"""


@pytest.mark.parametrize("preset", ["standard", "lean"])
def test_a_killed_run_resumes_as_if_nothing_had_happened(preset, make_run, blobs_file, tmp_path):
    schedule = {"kind": "plateau", "factor": 0.5, "patience": 2}
    run = make_run(preset, optimizer={"schedule": schedule}, epochs=8)
    whole = train(run, blobs_file, tmp_path / "whole")
    cut = tmp_path / "cut"
    arguments = [sys.executable, "-c", SCRIPT, run.model_dump_json(), str(blobs_file), str(cut)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "epoch 3/8" in line:
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert not (cut / "record.json").exists()
    lines = []
    resumed = train(run, blobs_file, cut, lines.append)
    assert "continues after epoch" in lines[0]
    assert resumed.series == whole.series
    untimed = ("time", "memory")
    for name, metric in whole.metrics.items():
        if not any(word in name for word in untimed):
            assert resumed.metrics[name] == metric, name


def test_a_finished_training_without_a_record_only_tests_again(make_run, blobs_file, tmp_path):
    run = make_run(epochs=2)
    (tmp_path / "record.json").mkdir()  # stands in the record's way
    with pytest.raises(Exception, match=r"record\.json"):
        train(run, blobs_file, tmp_path)
    (tmp_path / "record.json").rmdir()
    begun = time.monotonic()
    lines = []
    record = train(run, blobs_file, tmp_path, lines.append)
    assert len(lines) == 1
    assert record.value("steps") == 24
    assert time.monotonic() - begun < 30


def test_another_runs_checkpoint_is_refused(make_run, blobs_file, tmp_path):
    run = make_run(epochs=2)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "checkpoint.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(ConfigError, match=r"checkpoint\.npz: not a checkpoint of run .*remove it"):
        train(run, blobs_file, tmp_path)


def test_data_that_do_not_fit_are_refused(make_run, make_network, blobs, blobs_file, tmp_path):
    mlp = make_network
    with pytest.raises(ConfigError, match="images of"):
        train(make_run(network=mlp((4, 4, 1), [8], 5)), blobs_file, tmp_path)
    with pytest.raises(ConfigError, match="5 classes"):
        train(make_run(network=mlp((4, 5, 1), [8], 7)), blobs_file, tmp_path)
    with pytest.raises(ConfigError, match="600 training images are less than one batch"):
        train(make_run(batch_size=601), blobs_file, tmp_path)
    none = Split(blobs.test.images[:0], blobs.test.labels[:0])
    write_packed(tmp_path / "empty.ebd", Packed(5, blobs.train, none, blobs.test))
    with pytest.raises(ConfigError, match="no images in validation"):
        train(make_run(), tmp_path / "empty.ebd", tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run(make_run, blobs_file, tmp_path):
    run = make_run("standard", optimizer={"kind": "sgd", "learning_rate": 1e38}, epochs=3)
    with pytest.raises(JobError, match="loss is"):
        train(run, blobs_file, tmp_path)
    assert not (tmp_path / "record.json").exists()
