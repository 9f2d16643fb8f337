"""The network in float32 by Keras on TensorFlow, as a process: `python -m edgebnn.bench.keras_child`.

Of fit and train_on_batch the quicker is taken, unless steps are so long that it does not matter.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from edgebnn.baseline.keras_train import float32_layer
from edgebnn.bench.child import Spec, Train, serve, stopwatch

BATCHES = 5
"""In an epoch."""
TRIAL_S = 0.3
"""Of the trial of each way of stepping, about."""
SLOW_S = 0.1
"""A step that takes longer takes the same either way: fit is taken."""


def build(spec: Spec) -> tuple[str, Train]:
    """Builds the network, warms it up, and takes the quicker way of stepping."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(spec["threads"])
    keras.utils.set_random_seed(1)
    made = [float32_layer(keras, layer) for layer in spec["layers"]]
    model = keras.Sequential([keras.Input(spec["input"]), *made])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=spec["jit"],
    )
    ways = _ways(model, spec)
    medians: dict[str, float] = {}
    for name, train in ways.items():
        if medians and min(medians.values()) > SLOW_S:
            break
        train(2)
        step_s = median(train(3))
        more = min(100, round(TRIAL_S / step_s))
        medians[name] = median(train(more)) if more > 3 else step_s
    way = min(medians, key=lambda name: medians[name])
    compiled = "XLA" if spec["jit"] else "no XLA"
    return f"{way}, {compiled}", ways[way]


def versions() -> dict[str, str]:
    """Of Keras and of what computes."""
    import keras
    import tensorflow as tf

    return {"keras": keras.__version__, "tensorflow": tf.__version__}


def _ways(model: Any, spec: Spec) -> dict[str, Train]:
    import keras
    import numpy as np

    batch = spec["batch_size"]
    random = np.random.default_rng(1)
    images = random.uniform(-1, 1, (BATCHES * batch, *spec["input"])).astype(np.float32)
    labels = random.integers(0, spec["classes"], BATCHES * batch)

    def fit(steps: int) -> list[float]:
        watch, epochs = stopwatch(keras.callbacks.Callback), -(-steps // BATCHES)
        few = slice(0, min(steps, BATCHES) * batch)
        model.fit(images[few], labels[few], batch, epochs, verbose=0, callbacks=[watch])
        times: list[float] = watch.times
        return times

    def train_on_batch(steps: int) -> list[float]:
        times = []
        for step in range(steps):
            start = time.perf_counter()
            part = slice(step % BATCHES * batch, (step % BATCHES + 1) * batch)
            model.train_on_batch(images[part], labels[part])
            times.append(time.perf_counter() - start)
        return times

    return {"fit": fit, "train_on_batch": train_on_batch}


if __name__ == "__main__":
    serve(versions, build)
