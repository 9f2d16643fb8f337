"""The same steps on JAX as on TensorFlow, and a whole run there. Each in a process of its own: Keras takes
its backend as it is imported."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from edgebnn.data.datasets import prepare, write_packed
from edgebnn.errors import ConfigError
from edgebnn.record import read_record
from edgebnn.study.config import parse_study
from edgebnn.study.plan import make_plan

STEPS = """
import sys
import numpy as np
from edgebnn.emulation.backend import load_backend
load_backend(threads=1)
from edgebnn.emulation.model import compiled_model
from edgebnn.emulation.precision import exact_sums
from edgebnn.study.model_file import parse_network
from edgebnn.study.run import Run
from edgebnn.study.config import Optimizer
from edgebnn.study.switches import PRESETS

MLP = ["flatten", {"dense": 64}, "batch_norm", "sign", {"dense": 64}, "batch_norm", "sign",
       {"dense": 5}, "batch_norm"]
CONVOLUTIONS = [{"conv": 16}, {"max_pool": 2}, "batch_norm", "sign", {"conv": 16}, "batch_norm",
                "sign", "flatten", {"dense": 5}, "batch_norm"]
rng = np.random.default_rng(7)
images = (rng.integers(0, 256, (20, 50, 8, 8, 1)) * 2 - 255).astype(np.float32)
labels = rng.integers(0, 5, (20, 50)).astype(np.int32)
found = {}
with exact_sums():
    for layers, preset in ((MLP, "proposed"), (CONVOLUTIONS, "lean")):
        network = parse_network({"input": [8, 8, 1], "layers": layers}, "test")
        run = Run(stage="emulate", dataset="digits", model="m", network=network, batch_size=50,
                  switches=PRESETS[preset], optimizer=Optimizer(learning_rate=0.01), epochs=1, seed=0)
        model = compiled_model(run, jit_compile=True)
        losses = [model.train_on_batch(x, y)[0] for x, y in zip(images, labels)]
        name = f"{preset}-{len(layers)}"
        found[f"{name}-losses"] = np.array(losses, np.float64)
        for index, variable in enumerate(model.trainable_variables):
            found[f"{name}-{index}"] = np.asarray(variable.value)
np.savez(sys.argv[1], **found)
"""


def environment(**changes):
    kept = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "PJRT_NPROC")}
    return {**kept, **changes}


@pytest.mark.slow
def test_the_backends_take_the_same_steps(tmp_path):
    """Compiled by XLA on both: losses to 1e-5, all signs of weights; other values nearly."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", STEPS, str(tmp_path / f"{backend}.npz")],
            env=environment(KERAS_BACKEND=backend, JAX_ENABLE_X64="1"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for backend in ("tensorflow", "jax")
    ]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    expected, found = np.load(tmp_path / "tensorflow.npz"), np.load(tmp_path / "jax.npz")
    assert len(expected.files) == len(found.files) == 2 * 7
    for name in expected:
        if name.endswith("losses"):
            assert expected[name].shape == (20,)
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
        elif expected[name].ndim > 1:
            np.testing.assert_array_equal(found[name] >= 0, expected[name] >= 0)
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


THREADS = """
import os, sys
from pathlib import Path
from edgebnn.emulation.backend import load_backend
load_backend(threads=1)
from keras import ops
x = ops.ones((1500, 1500))

def ticks():
    tasks = Path("/proc/self/task").iterdir()
    times = {t.name: (t / "stat").read_text().rpartition(")")[2].split()[11] for t in tasks}
    return {name: int(time) for name, time in times.items()}

float(ops.sum(x @ x))
before = ticks()
for _ in range(20):
    float(ops.sum(x @ x))
print(sum(time - before.get(name, 0) > 2 for name, time in ticks().items()))
import tensorflow as tf
print(len(tf.config.get_visible_devices("GPU")))
"""


@pytest.mark.slow
def test_threads_are_capped_and_tensorflow_takes_no_gpu():
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        env=environment(KERAS_BACKEND="jax"),
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["1", "0"]


def test_without_jax_the_plan_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr("edgebnn.study.engines.find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"KERAS_BACKEND: backend 'jax' is not .*pip install '\.\[jax\]'"
    ):
        planned()


def test_a_process_keeps_its_backend(monkeypatch):
    from edgebnn.emulation.backend import load_backend

    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(
        ConfigError, match=r"KERAS_BACKEND=jax: Keras runs .* already, with tensorflow"
    ):
        load_backend()


def planned():
    """The one run of a study of the digits."""
    experiment = {
        "name": "jax",
        "dataset": "digits",
        "model": "mlp",
        "methods": ["proposed"],
        "seeds": [0],
        "emulate": {"epochs": 3},
    }
    study = parse_study({"study": "jax", "experiments": [experiment]}, "jax.yaml")
    (run,) = make_plan(study, {}).runs["emulate"].values()
    return run


@pytest.mark.slow
def test_a_run_on_jax_from_end_to_end(tmp_path, monkeypatch):
    """By the command; killed after an epoch, it ends as one that was not, to the bit."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    run = planned()
    assert run.backend == "jax"
    (tmp_path / "run.json").write_text(run.model_dump_json())
    write_packed(tmp_path / "digits.ebd", prepare("digits", None, tmp_path))

    def emulating(folder):
        command = [sys.executable, "-m", "edgebnn.cli", "emulate", "--threads", "1"]
        command += ["--run", tmp_path / "run.json", "--data", tmp_path / "digits.ebd"]
        return subprocess.Popen(
            [*command, "--output", tmp_path / folder / "record.json"],
            env=environment(),  # the run itself says which backend
            stderr=subprocess.PIPE,
            text=True,
        )

    with emulating("cut") as process:
        for line in process.stderr:
            if "epoch 1/3" in line:
                process.send_signal(signal.SIGKILL)
                break
    for folder in ("cut", "whole"):
        process = emulating(folder)
        _, said = process.communicate()
        assert process.returncode == 0, said
        assert ("continues after epoch" in said) == (folder == "cut")
    cut, whole = (read_record(tmp_path / name / "record.json") for name in ("cut", "whole"))
    assert cut.series == whole.series
    assert [step for step, _ in whole.series["loss"]] == [1, 2, 3]
    assert whole.value("test_accuracy") > 0.8
    assert "jax" in whole.provenance.versions
    assert (tmp_path / "whole" / whole.artifacts["model"].path).exists()
