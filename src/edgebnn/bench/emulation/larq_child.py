"""The network by larq's layers, as a process: `python -m edgebnn.bench.emulation.larq_child`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edgebnn.bench.child import Spec, Train, serve, stopwatch

MOMENTUM, EPSILON = 0.9, 1e-5
"""The emulation's, of its batch norm."""


def build(spec: Spec) -> tuple[str, Train]:
    """Builds the network and warms it up; or, asked to compare, writes the logits (measure.py)."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(spec["threads"])
    keras, together = tf.keras, spec["together"]
    data = np.load(spec["arrays"])
    images, labels = data["images"].astype(np.float32) * 2 - 255, data["labels"].astype(np.int32)
    model = _network(spec, keras)
    if "weights" in spec:
        with np.load(spec["weights"]) as given:
            weights = [given[name] for name in given]
        weights[3::4] = [psi**2 - np.float32(EPSILON) for psi in weights[3::4]]
        model.set_weights(weights)
        np.save(Path(spec["logits"]), model.predict(images[: spec["batch_size"]], verbose=0))
        return "compared", lambda steps: []
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=spec["jit"],
        steps_per_execution=together,
    )

    def train(steps: int) -> list[float]:
        watch = stopwatch(keras.callbacks.Callback)
        whole = -(-steps // together) * together
        model.fit(
            images,
            labels,
            spec["batch_size"],
            epochs=-(-whole * spec["batch_size"] // len(images)),
            steps_per_epoch=min(whole, len(images) // spec["batch_size"]),
            callbacks=[watch],
            verbose=0,
        )
        return [seconds / together for seconds in watch.times]

    train(together)
    return "fit, XLA" if spec["jit"] else "fit, no XLA", train


def versions() -> dict[str, str]:
    """Of larq and of what computes."""
    from importlib.metadata import version

    return {name: version(name) for name in ("larq", "tf-keras", "tensorflow")}


def _network(spec: Spec, keras: Any) -> Any:
    """Signs stand where the emulation has them: as layers of their own, before any pool."""
    import larq

    binary = {
        "kernel_quantizer": "ste_sign",
        "kernel_constraint": "weight_clip",
        "use_bias": False,
    }

    def made(layer: dict[str, Any]) -> Any:
        match layer["kind"]:
            case "flatten":
                return keras.layers.Flatten()
            case "dense":
                return larq.layers.QuantDense(layer["units"], **binary)
            case "conv":
                window = {"strides": layer["stride"], "padding": layer["padding"]}
                return larq.layers.QuantConv2D(
                    layer["filters"], layer["kernel"], **window, **binary
                )
            case "batch_norm":
                return keras.layers.BatchNormalization(
                    scale=False, momentum=MOMENTUM, epsilon=EPSILON
                )
            case "sign":
                return larq.quantizers.SteSign()
            case "max_pool":
                return keras.layers.MaxPooling2D(layer["size"], layer["stride"], layer["padding"])
        raise ValueError(f"layer {layer['kind']}: not timed")

    return keras.Sequential([keras.Input(spec["input"]), *map(made, spec["layers"])])


if __name__ == "__main__":
    serve(versions, build)
