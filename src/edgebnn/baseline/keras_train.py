"""Trains a network in plain Keras on TensorFlow and times its batches: what the trainer is compared with.

This file is sent to a device as it is and runs with the Python there: 3.9 or newer, NumPy, and TensorFlow with
Keras 2 or 3. So it imports nothing of edgebnn, and nothing newer. What it takes and writes: docs/formats.md.

A step is a `tf.function` of loss, gradients and update, without metrics, callbacks and XLA: the least that Keras
does. The first batch, in which TensorFlow traces it, is told apart and not timed.
Exit statuses: 1 the job failed, 64 there was not enough memory, 65 this Python has no TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import signal
import statistics
import struct
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import_error = ""
try:
    import numpy as np
except ImportError as error:  # said in main(), as one line
    import_error = str(error)

OUT_OF_MEMORY, NO_TENSORFLOW = 64, 65  # exit statuses
LOAD_WITHIN_S = 900
FOR_OTHERS = ("jax", "matplotlib", "pandas", "sklearn", "torch")
"""Keras imports them where it finds them, for adapters that nothing here uses: 250 MiB that a board does not spend."""
HEADER, HEADER_BYTES = struct.Struct("<8s9I16x"), 64
"""Of the packed data set: magic, version, height, width, channels, classes, train, ... (docs/formats.md)."""
MEMORY_WORDS = (
    "bad_alloc",
    "cannot allocate",
    "unable to allocate",
    "failed to map segment",
    "can't start new thread",
    "oom when",
)
"""Of Python, NumPy, TensorFlow, the C++ library and the loader where there is not enough memory; small letters."""


class JobFailed(Exception):
    """What ends the job with one line."""


class Data(NamedTuple):
    """The training images of a packed file. They are read, not mapped: a map would count as memory."""

    file: int
    shape: tuple[int, int, int]
    images: int

    def batch(self, which: Any) -> tuple[Any, Any]:
        """Images, float32 [n, height, width, channels] in [-1, 1], and labels, int32 [n]."""
        size = math.prod(self.shape)
        behind = HEADER_BYTES + self.images * size
        pixels = b"".join(os.pread(self.file, size, HEADER_BYTES + int(i) * size) for i in which)
        labels = b"".join(os.pread(self.file, 1, behind + int(i)) for i in which)
        images = np.frombuffer(pixels, np.uint8).reshape(len(which), *self.shape)
        scaled = images * np.float32(2 / 255) - np.float32(1)
        return scaled, np.frombuffer(labels, np.uint8).astype(np.int32)


def open_data(path: str) -> Data:
    """A packed data set; raises JobFailed if it is none."""
    file = os.open(path, os.O_RDONLY)
    head = os.pread(file, HEADER.size, 0)
    if len(head) < HEADER.size or not head.startswith(b"EDGEBNND"):
        raise JobFailed(f"{path}: not a packed data set")
    _, version, height, width, channels, _, images, validation, test, _ = HEADER.unpack(head)
    if version != 1:
        raise JobFailed(f"{path}: version {version}; version 1 is wanted")
    wanted = HEADER_BYTES + (images + validation + test) * (height * width * channels + 1)
    if (found := os.fstat(file).st_size) != wanted:
        raise JobFailed(f"{path}: {found} bytes, its header promises {wanted}")
    return Data(file, (height, width, channels), images)


def order(images: int, batch_size: int, seed: int) -> Iterator[Any]:
    """The images of each batch, epoch after epoch without end: shuffled anew in each, the last part batch left out."""
    for epoch in count():
        shuffled = np.random.default_rng([seed, epoch]).permutation(images)
        for first in range(0, images - batch_size + 1, batch_size):
            yield shuffled[first : first + batch_size]


def float32_layer(keras: Any, layer: dict[str, Any]) -> Any:
    """A float32 layer of the same size as a binary one; ReLU where the binary network has its sign. `keras` is
    the module, of whichever Keras, and `layer` of a network's list, as a run has it (docs/formats.md)."""
    layers, kind = keras.layers, layer["kind"]
    if kind == "flatten":
        return layers.Flatten()
    if kind == "dense":
        return layers.Dense(layer["units"], use_bias=False)
    if kind == "conv":
        window = {"strides": layer["stride"], "padding": layer["padding"], "use_bias": False}
        return layers.Conv2D(layer["filters"], layer["kernel"], **window)
    if kind == "batch_norm":
        return layers.BatchNormalization()
    if kind == "sign":
        return layers.ReLU()
    if kind == "max_pool":
        return layers.MaxPooling2D(layer["size"], layer["stride"], layer["padding"])
    raise JobFailed(f"layer {kind}: not in the Keras baseline")


def standard_layer(tf: Any, keras: Any, layer: dict[str, Any]) -> Any:
    """A layer of the standard binary method (Courbariaux & Bengio 2016): weights and activations are signs,
    +1 where x >= 0, whose gradient is passed where |x| <= 1 and is 0 elsewhere (the straight-through estimator);
    latent weights are float32 and clipped to [-1, 1]; all gradients are float32."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def sign(x: Any) -> Any:
        def grad(upstream: Any) -> Any:
            return tf.where(tf.abs(x) <= 1.0, upstream, tf.zeros_like(upstream))

        return tf.where(x >= 0.0, tf.ones_like(x), -tf.ones_like(x)), grad

    class Clip(keras.constraints.Constraint):  # type: ignore[misc]
        def __call__(self, w: Any) -> Any:
            return tf.clip_by_value(tf.convert_to_tensor(w), -1.0, 1.0)

    class Sign(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return sign(x)

    class BinaryDense(keras.layers.Dense):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return tf.matmul(x, sign(tf.convert_to_tensor(self.kernel)))

    class BinaryConv(keras.layers.Conv2D):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            signs = sign(tf.convert_to_tensor(self.kernel))
            return tf.nn.conv2d(x, signs, list(self.strides), self.padding.upper())

    kind, binary = layer["kind"], {"use_bias": False, "kernel_constraint": Clip()}
    if kind == "dense":
        return BinaryDense(layer["units"], **binary)
    if kind == "conv":
        window = {"strides": layer["stride"], "padding": layer["padding"]}
        return BinaryConv(layer["filters"], layer["kernel"], **window, **binary)
    if kind == "batch_norm":
        return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, scale=False)
    if kind == "sign":
        return Sign()
    return float32_layer(keras, layer)


def build_model(tf: Any, job: dict[str, Any]) -> Any:
    """The network of a job, on its input."""
    keras, binary = tf.keras, job["network"] == "standard"
    made = [
        standard_layer(tf, keras, layer) if binary else float32_layer(keras, layer)
        for layer in job["layers"]
    ]
    return keras.Sequential([keras.Input(tuple(job["input"])), *made])


def make_step(tf: Any, job: dict[str, Any], model: Any) -> Any:
    """What trains a batch of images and labels, and returns its loss: a mean, float32."""
    keras, rate = tf.keras, job["learning_rate"]
    adam, sgd = keras.optimizers.Adam(rate), keras.optimizers.SGD(rate, momentum=0.9)
    optimizer = adam if job["optimizer"] == "adam" else sgd
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function  # type: ignore[untyped-decorator]
    def step(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables))  # noqa: B905 - not in Python 3.9
        return loss

    return step


def check(job: dict[str, Any], data: Data) -> None:
    """Raises JobFailed where the images are not the job's, or fewer than a batch."""
    if list(data.shape) != job["input"]:
        raise JobFailed(f"images of {list(data.shape)}, the job is for {job['input']}")
    batch = job["batch_size"]
    if data.images < batch:
        raise JobFailed(f"batch_size: found {batch}, but there are {data.images} training images")


def train(tf: Any, job: dict[str, Any], data: Data, stamps: str) -> dict[str, float]:
    """Trains the first batch and then those that are timed; returns the record's metrics.

    Raises:
        JobFailed: a layer is not in the baseline, or a loss is no number.
    """
    batch, seed = job["batch_size"], job["seed"]
    epochs, most = job["epochs"], job["batches"]
    batches = min(n for n in (most, epochs and epochs * (data.images // batch)) if n)
    tf.keras.utils.set_random_seed(seed % 2**32)
    step = make_step(tf, job, build_model(tf, job))
    begins, ends, losses = [], [], []
    for number, which in enumerate(islice(order(data.images, batch, seed), batches + 1)):
        begins.append(time.clock_gettime(time.CLOCK_MONOTONIC))
        losses.append(float(step(*map(tf.constant, data.batch(which)))))
        ends.append(time.clock_gettime(time.CLOCK_MONOTONIC))
        if not math.isfinite(losses[-1]):
            raise JobFailed(f"batch {number}: the loss is no number (learning_rate)")
        if number % max(1, batches // 10) == 0 or number == batches:
            event = {"event": "batch", "batch": number, "batches": batches, "loss": losses[-1]}
            print(json.dumps(event), flush=True)
    lines = (f"{begin:.6f} {end:.6f}\n" for begin, end in zip(begins[1:], ends[1:]))  # noqa: B905
    Path(stamps).write_text("".join(lines))
    first, *timed = (end - begin for begin, end in zip(begins, ends))  # noqa: B905
    quartiles = statistics.quantiles(timed, n=4, method="inclusive") if batches > 1 else timed * 3
    return {
        "time_per_batch_s": quartiles[1],
        "time_per_batch_q1_s": quartiles[0],
        "time_per_batch_q3_s": quartiles[2],
        "train_time_s": sum(timed),
        "first_batch_s": first,
        "steps": batches,
        "loss": losses[-1],
        "threads": job["threads"],
    }


def no_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, in whichever library's words."""
    told = any(words in str(error).lower() for words in MEMORY_WORDS)
    return told or isinstance(error, MemoryError) or "ResourceExhausted" in type(error).__name__


def load(threads: int) -> Any:
    """TensorFlow, on the processor alone: a board has no other, and a virtual device shall have none."""
    if import_error:
        raise ImportError(import_error)
    os.environ["KERAS_BACKEND"], os.environ["CUDA_VISIBLE_DEVICES"] = "tensorflow", "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.modules.update(dict.fromkeys(FOR_OTHERS))  # type: ignore[arg-type] # None: cannot be imported
    signal.alarm(LOAD_WITHIN_S)  # where memory is refused, TensorFlow may wait for ever
    import tensorflow as tf

    signal.alarm(0)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def main(arguments: list[str]) -> int:
    """Runs the job; returns the exit status."""
    parser = argparse.ArgumentParser(prog="keras_train", description="train in Keras, and time it")
    for option in ("job", "data", "output", "stamps"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(arguments)
    job = json.loads(Path(options.job).read_text())
    try:
        data = open_data(options.data)
        check(job, data)  # before TensorFlow, which takes long to load
    except (JobFailed, OSError) as error:
        return _end(1, str(error))
    try:
        tf = load(job["threads"])
    except Exception as error:
        if no_memory(error):
            return _end(OUT_OF_MEMORY, f"out of memory while TensorFlow was loaded: {error!r}")
        return _end(NO_TENSORFLOW, f"no TensorFlow: {error}")
    try:
        metrics = train(tf, job, data, options.stamps)
    except JobFailed as error:
        return _end(1, str(error))
    except Exception as error:
        if no_memory(error):
            words = (str(error) or repr(error)).splitlines()[0]
            return _end(OUT_OF_MEMORY, f"out of memory: {words[:200]}")
        raise
    versions = {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": getattr(tf.keras, "__version__", tf.__version__),
        "numpy": np.__version__,
    }
    Path(options.output).write_text(json.dumps({"metrics": metrics, "versions": versions}) + "\n")
    return 0


def _end(status: int, words: str) -> int:
    print(f"keras_train: {words}", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if status:
        os._exit(status)  # where memory is short, TensorFlow crashes on its way out
