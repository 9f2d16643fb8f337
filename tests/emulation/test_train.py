"""The stage: it learns, resumes as if nothing had happened, and says no clearly."""

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, write_packed
from edgebnn.emulation.train import emulate
from edgebnn.errors import ConfigError, JobError
from edgebnn.record import file_sha256, read_record
from edgebnn.study.model_file import parse_network
from edgebnn.study.switches import PRESETS


def train(run, data, folder, progress=lambda line: None):
    return emulate(
        run, data, folder / "record.json", folder / "state", progress=progress, threads=1
    )


@pytest.fixture(scope="module")
def whole(make_run, blobs_file, once):
    """`whole(preset)`: run, record, progress lines and folder of a training from begin to end.

    Made once for all workers.
    """
    schedule = {"kind": "plateau", "factor": 0.5, "patience": 2}

    def trained(preset):
        run = make_run(preset, optimizer={"schedule": schedule}, epochs=8)

        def make(folder):
            lines = []
            train(run, blobs_file, folder, lines.append)
            (folder / "lines").write_text("\n".join(lines))

        folder = once(f"trained-{preset}", make)
        lines = (folder / "lines").read_text().splitlines()
        return run, read_record(folder / "record.json"), lines, folder

    return trained


@pytest.mark.parametrize(
    "preset", [p if p == "proposed" else pytest.param(p, marks=pytest.mark.slow) for p in PRESETS]
)
def test_presets_learn(preset, whole):
    _, record, _, _ = whole(preset)
    assert record.value("test_accuracy") > 0.9


@pytest.mark.slow
def test_convolutions_learn(make_run, blobs_file, tmp_path):
    """Compiled, with a pool in each of its places."""
    layers = [{"conv": 16}, {"max_pool": 2}, "batch_norm", "sign"]
    layers += [{"conv": 32}, "batch_norm", "sign", {"max_pool": 2}]
    layers += ["flatten", {"dense": 5}, "batch_norm"]
    network = parse_network({"input": [4, 5, 1], "layers": layers}, "test")
    record = train(make_run(network=network), blobs_file, tmp_path)
    assert record.value("test_accuracy") > 0.85


def test_record_is_complete(whole):
    run, record, lines, folder = whole("proposed")
    assert len(lines) == 8
    assert [step for step, _ in record.series["validation_accuracy"]] == list(range(1, 9))
    assert {m.source for m in record.metrics.values()} == {"measured"}
    assert record.value("steps") == 8 * 12
    times = [record.value(f"time_per_batch{q}_s") for q in ("_q1", "", "_q3")]
    assert 0 < times[0] <= times[1] <= times[2]
    assert record.value("train_time_s") > 0
    assert record.value("peak_memory_mib") > 50
    assert record.value("best_validation_accuracy") == max(
        value for _, value in record.series["validation_accuracy"]
    )
    artifact = record.artifacts["model"]
    assert artifact.path == f"{run.id}/model.keras"
    assert file_sha256(folder / artifact.path) == artifact.sha256
    assert not (folder / "state").exists()


def test_the_saved_model_is_the_best_one(whole, blobs):
    from edgebnn.emulation.batches import centred

    _, record, _, folder = whole("proposed")
    model = keras.models.load_model(folder / record.artifacts["model"].path)
    predicted = np.argmax(model(centred(blobs.test.images)), -1)
    accuracy = np.mean(predicted == blobs.test.labels)
    assert accuracy == pytest.approx(record.value("test_accuracy_at_best"))


SCRIPT = """
import sys
from pathlib import Path
from edgebnn.emulation.train import emulate
from edgebnn.study.run import Run
run, data, folder = Run.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
emulate(run, data, folder / "record.json", folder / "state",
        progress=lambda line: print(line, flush=True), threads=1)
"""


@pytest.mark.slow
def test_a_killed_run_resumes_as_if_nothing_had_happened(whole, blobs_file, tmp_path):
    """By SIGKILL, on whole epochs; then trained to its end without a record, it only tests again.

    test_switches.py resumes every preset under every optimiser.
    """
    run, uncut, _, _ = whole("lean")
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
    (cut / "record.json").mkdir()  # stands in the record's way
    lines = []
    with pytest.raises(Exception, match=r"record\.json"):
        train(run, blobs_file, cut, lines.append)
    assert "continues after epoch" in lines[0]
    assert "epoch 8/8" in lines[-1]
    (cut / "record.json").rmdir()
    lines = []
    resumed = train(run, blobs_file, cut, lines.append)
    assert len(lines) == 1
    assert "continues after epoch 8" in lines[0]
    assert resumed == read_record(cut / "record.json")
    assert resumed.value("steps") == 8 * 12
    assert resumed.series == uncut.series
    untimed = ("time", "memory")
    for name, metric in uncut.metrics.items():
        if not any(word in name for word in untimed):
            assert resumed.metrics[name] == metric, name


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
    with pytest.raises(ConfigError, match="is more than the 600 images for training"):
        train(make_run(batch_size=601), blobs_file, tmp_path)
    none = Split(blobs.test.images[:0], blobs.test.labels[:0])
    write_packed(tmp_path / "empty.ebd", Packed(5, blobs.train, none, blobs.test))
    with pytest.raises(ConfigError, match="no images for validation"):
        train(make_run(), tmp_path / "empty.ebd", tmp_path)


def test_what_guessing_gives_is_told(whole, blobs):
    _, record, _, _ = whole("proposed")
    assert record.value("test_images") == len(blobs.test.labels)
    assert record.value("guessing_accuracy") == pytest.approx(
        np.bincount(blobs.test.labels).max() / len(blobs.test.labels)
    )
    assert not record.at_chance


def test_a_loss_that_is_not_finite_ends_the_run(make_run, make_network, blobs_file, tmp_path):
    network = make_network((4, 5, 1), [8], 5)
    optimizer = {"kind": "sgd", "learning_rate": 1e38}
    run = make_run("standard", network=network, optimizer=optimizer, epochs=3)
    with pytest.raises(JobError, match="loss is"):
        train(run, blobs_file, tmp_path)
    assert not (tmp_path / "record.json").exists()
