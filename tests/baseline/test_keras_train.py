"""The script of the Keras baseline: what it trains, and how it ends."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.baseline import keras_profile, keras_train
from edgebnn.data.datasets import Packed, Split, read_packed, write_packed

SCRIPT = Path(keras_train.__file__)
RNG = np.random.default_rng(7)
BLOCK = [{"kind": "batch_norm"}, {"kind": "sign"}]
CONV = {"kind": "conv", "filters": 4, "kernel": 3, "stride": 1, "padding": "same"}
POOL = {"kind": "max_pool", "size": 2, "stride": 2, "padding": "valid"}
JOB = {
    "network": "standard",
    "input": [4, 4, 2],
    "layers": [CONV, POOL, *BLOCK, {"kind": "flatten"}, {"kind": "dense", "units": 3}, BLOCK[0]],
    "batch_size": 8,
    "batches": 3,
    "epochs": None,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "seed": 5,
    "threads": 1,
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twenty images of three classes to train on."""

    def split(count: int) -> Split:
        images = RNG.integers(0, 256, (count, 4, 4, 2), np.uint8)
        return Split(images, RNG.integers(0, 3, count).astype(np.uint8))

    path = tmp_path / "data.ebd"
    write_packed(path, Packed(3, split(20), split(5), split(5)))
    return path


@pytest.fixture
def script(data: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the script as a device does, with a Python and with changes of the job."""

    def run(*python: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        (tmp_path / "job.json").write_text(json.dumps({**JOB, **changes}))
        files = {"job": "job.json", "data": data, "output": "record.json", "stamps": "stamps.txt"}
        words = [str(word) for name, file in files.items() for word in (f"--{name}", file)]
        return subprocess.run(
            [*(python or [sys.executable]), SCRIPT, *words],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize(
    ("script", "packages"),
    [(SCRIPT, {"numpy", "tensorflow"}), (Path(keras_profile.__file__), {"memray"})],
)
def test_any_python_of_a_board_can_read_it(script: Path, packages: set[str]) -> None:
    """Python 3.9, with nothing but its library and the packages of its purpose."""
    tree = ast.parse(script.read_text(), feature_version=(3, 9))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported - sys.stdlib_module_names == packages


def test_its_images_are_those_of_the_packed_file(data: Path) -> None:
    opened, packed = keras_train.open_data(str(data)), read_packed(data).train
    which = np.array([19, 0, 7])
    images, labels = opened.batch(which)
    assert (images.dtype, images.shape) == (np.float32, (3, 4, 4, 2))
    np.testing.assert_allclose(images, packed.images[which] / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(labels, packed.labels[which])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda all_: b"x" + all_[1:], "not a packed data set"),
        (lambda all_: all_[:8] + b"\2" + all_[9:], "version 2; version 1 is wanted"),
        (lambda all_: all_[:-1], "bytes, its header promises"),
    ],
)
def test_another_file_is_refused(data: Path, change: Callable[[bytes], bytes], words: str) -> None:
    data.write_bytes(change(data.read_bytes()))
    with pytest.raises(keras_train.JobFailed, match=words):
        keras_train.open_data(str(data))


def test_an_epoch_has_each_image_once_and_no_part_of_a_batch() -> None:
    batches = keras_train.order(20, 8, seed=3)
    first, second, third = (next(batches) for _ in range(3))
    assert len({*first, *second}) == 16
    assert sorted(third) != sorted(first)
    again = keras_train.order(20, 8, seed=3)
    np.testing.assert_array_equal(next(again), first)


def test_a_python_without_tensorflow(script: Callable[..., Any]) -> None:
    done = script(sys.executable, "-I", "-S")
    assert done.returncode == keras_train.NO_TENSORFLOW
    assert done.stderr == "keras_train: no TensorFlow: No module named 'numpy'\n"


@pytest.mark.parametrize(
    ("error", "yes"),
    [
        (MemoryError(), True),
        (RuntimeError("std::bad_alloc"), True),
        (ImportError("libx.so: failed to map segment from shared object"), True),
        (RuntimeError("can't start new thread"), True),
        (ValueError("shapes do not match"), False),
    ],
)
def test_what_is_a_want_of_memory(error: Exception, *, yes: bool) -> None:
    assert keras_train.no_memory(error) == yes


@pytest.mark.heavy
@pytest.mark.parametrize("network", [pytest.param("standard", marks=pytest.mark.slow), "float32"])
def test_the_record_and_the_stamps(
    network: str, script: Callable[..., Any], tmp_path: Path
) -> None:
    done = script(network=network)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "record.json").read_text())
    metrics = record["metrics"]
    assert (metrics["steps"], metrics["threads"]) == (3, 1)
    assert set(record["versions"]) == {"python", "tensorflow", "keras", "numpy"}
    lines = (tmp_path / "stamps.txt").read_text().splitlines()
    stamps = [tuple(map(float, line.split(" "))) for line in lines]
    times = [end - begin for begin, end in stamps]
    assert len(stamps) == 3
    assert all(len(number.partition(".")[2]) == 6 for line in lines for number in line.split(" "))
    assert all(before[1] <= after[0] for before, after in pairwise(stamps))
    assert metrics["time_per_batch_s"] == pytest.approx(sorted(times)[1], abs=2e-6)
    assert metrics["train_time_s"] == pytest.approx(sum(times), abs=1e-5)
    assert metrics["time_per_batch_q1_s"] <= metrics["time_per_batch_s"]
    assert metrics["time_per_batch_s"] <= metrics["time_per_batch_q3_s"]
    assert metrics["first_batch_s"] > 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["batch"] for event in events] == [0, 1, 2, 3]
    assert events[-1]["loss"] == metrics["loss"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layers": [{"kind": "residual"}]}, "layer residual: not in the Keras baseline"),
        (
            {"learning_rate": 1e39, "optimizer": "sgd", "network": "float32"},
            "the loss is no number",
        ),
    ],
)
def test_what_ends_the_job(changes: dict[str, Any], words: str, data: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    opened, stamps = keras_train.open_data(str(data)), tmp_path / "stamps.txt"
    with pytest.raises(keras_train.JobFailed, match=re.escape(words)):
        keras_train.train(tf, {**JOB, **changes}, opened, str(stamps))
    assert not stamps.exists()


@pytest.mark.heavy
def test_epochs_end_a_training_too(data: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    opened = keras_train.open_data(str(data))
    for batches in (None, 100):  # two batches of eight in twenty images
        job = {**JOB, "batches": batches, "epochs": 2}
        assert keras_train.train(tf, job, opened, str(tmp_path / "stamps.txt"))["steps"] == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input": [4, 4, 3]}, "images of [4, 4, 2], the job is for [4, 4, 3]"),
        ({"batch_size": 21}, "batch_size: found 21, but there are 20 training images"),
    ],
)
def test_a_mistake_in_the_job_ends_it_before_tensorflow_is_loaded(
    changes: dict[str, Any], words: str, script: Callable[..., Any], tmp_path: Path
) -> None:
    done = script(sys.executable, "-I", "-S", **changes)  # a Python without any package
    assert (done.returncode, done.stderr) == (1, f"keras_train: {words}\n")
    assert not (tmp_path / "record.json").exists()


def test_data_that_is_not_there_is_no_want_of_tensorflow(
    script: Callable[..., Any], data: Path
) -> None:
    data.unlink()
    done = script(sys.executable, "-I", "-S")
    assert done.returncode == 1
    assert re.fullmatch(r"keras_train: .*No such file.*data\.ebd'\n", done.stderr)


@pytest.mark.heavy
def test_a_sign_passes_gradients_where_it_is_within_one() -> None:
    import tensorflow as tf

    layer = keras_train.standard_layer(tf, tf.keras, {"kind": "sign"})
    x = tf.constant([-2.0, -1.0, -0.5, -0.0, 0.5, 1.0, 1.5])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert y.numpy().tolist() == [-1, -1, -1, 1, 1, 1, 1]
    assert tape.gradient(loss, x).numpy().tolist() == [0, 2, 3, 4, 5, 6, 0]


@pytest.mark.heavy
@pytest.mark.parametrize("layer", [{"kind": "dense", "units": 3}, CONV])
def test_a_binary_layers_product_and_gradients_are_those_of_signs(layer: dict[str, Any]) -> None:
    """Y = X sgn(W), dX = dY sgn(W)^T, dW = X^T dY: of the signs, without a mask within [-1, 1]."""
    import tensorflow as tf

    shape = (2, 5) if layer["kind"] == "dense" else (2, 4, 4, 2)
    made = keras_train.standard_layer(tf, tf.keras, layer)
    x = tf.constant(RNG.normal(size=shape), tf.float32)
    made.build(shape)
    w = RNG.uniform(-1, 1, made.kernel.shape).astype(np.float32)
    made.kernel.assign(w)
    signs = tf.constant(np.where(w >= 0, 1, -1), tf.float32)

    def product(x: Any, signs: Any) -> Any:
        return (
            tf.matmul(x, signs) if layer["kind"] == "dense" else tf.nn.conv2d(x, signs, 1, "SAME")
        )

    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, signs])
        y, wanted = made(x), product(x, signs)
        loss, same = tf.reduce_sum(y**2), tf.reduce_sum(wanted**2)
    np.testing.assert_allclose(y, wanted, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, x), tape.gradient(same, x), rtol=1e-5)
    (dw,) = tape.gradient(loss, made.trainable_variables)
    np.testing.assert_allclose(dw, tape.gradient(same, signs), rtol=1e-5)


@pytest.mark.heavy
def test_latent_weights_stay_within_one(data: Path) -> None:
    import tensorflow as tf

    model = keras_train.build_model(tf, JOB)
    step = keras_train.make_step(tf, {**JOB, "learning_rate": 5.0}, model)
    images, labels = keras_train.open_data(str(data)).batch(np.arange(8))
    step(tf.constant(images), tf.constant(labels))
    latent = [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")]
    assert len(latent) == 2
    for w in latent:
        assert np.abs(w).max() == 1  # where a step of 5 would have led beyond


@pytest.mark.heavy
def test_the_float32_network_has_the_same_shapes_and_no_signs() -> None:
    import tensorflow as tf

    binary = keras_train.build_model(tf, JOB)
    real = keras_train.build_model(tf, {**JOB, "network": "float32"})
    shapes = [[layer.output.shape for layer in model.layers] for model in (binary, real)]
    assert shapes[0] == shapes[1]
    kernels = [[w.shape for w in model.weights if "kernel" in w.name] for model in (binary, real)]
    assert kernels[0] == kernels[1]
    x = tf.constant(RNG.normal(size=(4, 4, 4, 2)), tf.float32)
    for layer in real.layers[:4]:  # up to what stands where the sign is
        x = layer(x)
    assert x.numpy().min() == 0
    assert len(np.unique(x)) > 10


@pytest.mark.slow
def test_what_keras_would_import_for_others_is_left_out() -> None:
    program = (
        "import sys, keras_train; tf = keras_train.load(1); tf.keras.Sequential;"
        "print([name for name, module in sys.modules.items()"
        " if module and name.split('.')[0] in keras_train.FOR_OTHERS])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(keras_train.__file__).parent,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"
