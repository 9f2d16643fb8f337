"""The network by the emulation, as a process: `python -m edgebnn.bench.emulation.emulation_child`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from edgebnn.bench.child import Spec, Train, serve, stopwatch
from edgebnn.study.run import Run

EPOCHS = 10**6
"""More than a turn can take."""
MADE_AHEAD = 50
"""Batches, at least, that are drawn before the clock starts."""


def build(spec: Spec) -> tuple[str, Train]:
    """Builds the network, compiled as the stage `emulate` compiles it, and warms it up; or, asked to
    compare, writes weights and logits (measure.py)."""
    from edgebnn.data.datasets import read_packed
    from edgebnn.emulation.backend import load_backend

    run = Run.model_validate(spec["run"])
    load_backend(spec["threads"])
    import keras

    from edgebnn.emulation.batches import training_batches
    from edgebnn.emulation.model import compiled_model

    split, together = read_packed(Path(spec["data"])).splits()[0], spec["together"]
    if "weights" in spec:
        _write_logits(compiled_model(run), split.images[: run.batch_size], spec)
        return "compared", lambda steps: []
    batches = training_batches(run, split, 0, EPOCHS)
    if spec["method"] is None:
        return "tf.data", _drawn(batches)
    model = compiled_model(run, jit_compile=True, steps_per_execution=together)

    def train(steps: int) -> list[float]:
        watch = stopwatch(keras.callbacks.Callback)
        whole = -(-steps // together) * together
        model.fit(batches, steps_per_epoch=whole, callbacks=[watch], shuffle=False, verbose=0)
        return [seconds / together for seconds in watch.times]

    train(together)
    return "fit, XLA" if model.jit_compile else "fit, XLA between products", train


def versions() -> dict[str, str]:
    """Of Keras and of what computes."""
    import tensorflow as tf

    return {"keras": version("keras"), "tensorflow": tf.__version__}


def _drawn(batches: Any) -> Train:
    """The mean seconds of a batch, drawn in a graph as `fit` draws them; those made ahead do not count."""
    import time

    import tensorflow as tf

    found = iter(batches)

    @tf.function  # type: ignore[untyped-decorator]
    def draw(steps: Any) -> Any:
        for _ in tf.range(steps):
            next(found)

    def train(steps: int) -> list[float]:
        draw(tf.constant(MADE_AHEAD))
        start = time.perf_counter()
        draw(tf.constant(steps))
        return [(time.perf_counter() - start) / steps]

    return train


def _write_logits(model: Any, images: Any, spec: Spec) -> None:
    """The logits under made-up statistics.

    X' = (Y - n - 1/4 + b) / psi with integers n and b is never near 0, so that both ways of rounding
    it give the same sign.
    """
    import numpy as np

    from edgebnn.emulation.batches import centred

    random = np.random.default_rng(1)
    weights = model.get_weights()
    for beta, mu, psi in zip(weights[1::4], weights[2::4], weights[3::4], strict=True):
        psi[:] = random.uniform(4, 64, psi.shape)
        mu[:] = random.integers(-8, 9, mu.shape) + 0.25
        beta[:] = random.integers(-8, 9, beta.shape) / psi
    model.set_weights(weights)
    np.savez(spec["weights"], *weights)
    np.save(spec["logits"], model.predict(centred(images), verbose=0))


if __name__ == "__main__":
    serve(versions, build)
