"""The training of the stage `emulate`, an epoch as one program: a scan of Keras' training step over its batches.

An epoch's images lie on the device as bytes, while the next epoch's are made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from edgebnn.data.datasets import Split
from edgebnn.errors import JobError
from edgebnn.study.run import Run

EVALUATED = 500
"""Images at once in evaluation."""
TOGETHER = 20
"""Batches that are augmented at once."""


def train(run: Run, split: Split, evaluated: Mapping[str, Split]) -> Iterator[dict[str, float]]:
    """Trains all epochs, and yields a row after each.

    Args:
        run: with epochs and seed.
        split: the images to train on.
        evaluated: by name; `validation`, if it is there, is what a plateau schedule looks at.

    Yields:
        epoch (from 1), learning_rate, loss and accuracy in training, the accuracy on each of `evaluated`,
        and step_ms, the mean time of a step.

    Raises:
        JobError: the loss is no number.
    """
    import jax
    from keras import ops

    from edgebnn.emulation.batches import training_images
    from edgebnn.emulation.model import compiled_model
    from edgebnn.emulation.schedule import learning_rate

    model = compiled_model(run, jit_compile=True)
    size, epochs = run.batch_size, run.epochs or 1
    steps = len(split.labels) // size
    model.test_on_batch(_centred(split.images[:size]), split.labels[:size].astype(np.int32))
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    held_out = {
        name: (jax.device_put(_in_batches(part.images, EVALUATED)), part.labels)
        for name, part in evaluated.items()
    }

    def batches(epoch: int) -> tuple[Any, Any]:
        images, labels = zip(*training_images(run, split, epoch, epoch + 1, TOGETHER), strict=True)
        shape = (steps, size, *split.images.shape[1:])
        return np.concatenate(images).reshape(shape), np.concatenate(labels).reshape(steps, size)

    @partial(jax.jit, donate_argnums=0)
    def scan(state: Any, images: Any, labels: Any) -> Any:
        def step(state: Any, batch: Any) -> tuple[Any, None]:
            x, y = batch
            return model.train_step(state, (_centred(x), ops.cast(y, "int32")))[1], None

        return jax.lax.scan(step, state, (images, labels))[0]

    @jax.jit
    def predictions(trained: Any, others: Any, images: Any) -> Any:
        def of_batch(x: Any) -> Any:
            return ops.argmax(model.stateless_call(trained, others, _centred(x))[0], axis=-1)

        return jax.lax.map(of_batch, images)

    accuracies: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(batches, 0)
        for epoch in range(epochs):
            data = jax.block_until_ready(jax.device_put(ahead.result()))  # type: ignore[no-untyped-call]
            ahead = pool.submit(batches, (epoch + 1) % epochs)
            rate = learning_rate(run.optimizer, accuracies, epochs)
            model.optimizer.learning_rate = rate
            model.reset_metrics()
            state = tuple([v.value for v in some] for some in variables)
            begun = time.perf_counter()
            state = jax.block_until_ready(scan(state, *data))  # type: ignore[no-untyped-call]
            seconds = time.perf_counter() - begun
            for some, values in zip(variables, state, strict=True):
                for variable, value in zip(some, values, strict=True):
                    variable.assign(value)
            row = {"epoch": epoch + 1, "learning_rate": rate}
            row |= {name: float(value) for name, value in model.get_metrics_result().items()}
            if not math.isfinite(row["loss"]):
                raise JobError(f"{run.id}: epoch {epoch + 1}: the loss is no number")
            for name, (images, labels) in held_out.items():
                found = np.asarray(predictions(state[0], state[1], images)).reshape(-1)
                row[name] = float(np.mean(found[: len(labels)] == labels))
            accuracies.append(row.get("validation", 0.0))
            yield row | {"step_ms": seconds / steps * 1e3}


def _centred(images: Any) -> Any:
    """c = 2u - 255 of uint8 pixels u: exact float32 integers."""
    return images.astype("float32") * 2 - 255


def _in_batches(images: Any, size: int) -> Any:
    """[n, ...] -> [batches, size, ...], zeros behind the last."""
    missing = -len(images) % size
    padded = np.pad(images, ((0, missing), *((0, 0),) * (images.ndim - 1)))
    return padded.reshape(-1, size, *images.shape[1:])
