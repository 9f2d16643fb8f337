"""From a run's network, switches and seed to a compiled keras.Model."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from edgebnn.emulation.initial import begin_from
from edgebnn.emulation.layers import (
    LATENT,
    BatchNorm,
    BinaryConv2D,
    BinaryDense,
    MaxPool2D,
    RealConv2D,
    RealDense,
    Sign,
)
from edgebnn.emulation.loss import SummedCrossEntropy
from edgebnn.emulation.optimizers import OPTIMIZERS
from edgebnn.emulation.programs import gain_by_programs, train_by_programs
from edgebnn.emulation.quantizers import sgn
from edgebnn.emulation.random import initial_weights
from edgebnn.emulation.storage import store_weights
from edgebnn.errors import ConfigError
from edgebnn.study.initial import check_given
from edgebnn.study.network import Conv, Dense, Network
from edgebnn.study.run import Run
from edgebnn.study.switches import Switches


def build_model(
    network: Network,
    switches: Switches,
    seed: int,
    name: str = "edgebnn",
    freeze: tuple[int, ...] = (),
) -> Any:
    """The network on centred pixels: float32 [B, height, width, channels] -> logits [B, classes].

    Args:
        network: any layer list; batch_norm after each product of binary weights, or after the
            max_pool that follows it.
        switches: the method.
        seed: of the initial weights, which the trainer draws alike.
        freeze: numbers of the layers that are not trained (Network.frozen).

    Raises:
        ConfigError: a product without its batch norm, by the layer's number.
    """
    inputs = keras.Input(network.input, name="centred_pixels")
    made: list[tuple[str, Any]] = []
    outputs = _connect(network.layers, inputs, switches, made, "")
    model = keras.Model(inputs, outputs, name=name)
    for index, weights in enumerate(layer.w for _, layer in made if hasattr(layer, "w")):
        *window, units = weights.shape
        start = initial_weights(seed, index, math.prod(window), units).reshape(weights.shape)
        storage = switches.weight_dtype if weights.name == LATENT else "f32"
        weights.assign(store_weights(storage, start))
    frozen = network.frozen(freeze)
    for number, layer in made:
        layer.trainable = int(number.split(".")[0]) not in frozen
    return model


def _connect(
    layers: tuple[Any, ...], x: Any, switches: Switches, made: list[tuple[str, Any]], prefix: str
) -> Any:
    """What comes out of `layers` on `x`; appends each Keras layer with its number, in the list's order."""
    kinds = [layer.kind for layer in layers]
    for index, layer in enumerate(layers, 1):
        number = f"{prefix}{index}"
        if layer.kind == "residual":
            main = _connect(layer.layers, x, switches, made, f"{number}.")
            side = _connect(layer.shortcut, x, switches, made, f"{number}.s")
            x = keras.layers.Add()([main, side])
            continue
        if getattr(layer, "weights", "") == "binary":
            after = kinds[index + 1 :] if kinds[index:][:1] == ["max_pool"] else kinds[index:]
            if after[:1] != ["batch_norm"]:
                raise ConfigError(
                    f"layer {number} ({layer.kind}): put 'batch_norm' after it, whose backward "
                    f"scales its gradient"
                )
        made.append((number, MAKERS[layer.kind](layer, switches)))
        x = made[-1][1](x)
    return x


def _dense(layer: Dense, switches: Switches) -> Any:
    if layer.weights == "real":
        return RealDense(layer.units, reduction="sum")
    return BinaryDense(layer.units, switches.weight_gradient, reduction="sum")


def _conv(layer: Conv, switches: Switches) -> Any:
    window = (layer.filters, layer.kernel, layer.stride, layer.padding)
    if layer.weights == "real":
        return RealConv2D(*window, reduction="sum")
    return BinaryConv2D(
        *window, weight_gradient=switches.weight_gradient, integers=True, reduction="sum"
    )


MAKERS: dict[str, Callable[[Any, Switches], Any]] = {
    "flatten": lambda layer, switches: keras.layers.Flatten(),
    "dense": _dense,
    "conv": _conv,
    "max_pool": lambda layer, switches: MaxPool2D(layer.size, layer.stride, layer.padding),
    "avg_pool": lambda layer, switches: keras.layers.AveragePooling2D(layer.size, layer.stride),
    "global_avg_pool": lambda layer, switches: keras.layers.GlobalAveragePooling2D(),
    "batch_norm": lambda layer, switches: BatchNorm(
        switches.batch_norm,
        switches.gradient_dtype,
        activations="f16" if switches.activations == "f16" else "f32",
        reduction="sum",
    ),
    "sign": lambda layer, switches: Sign(switches.ste, switches.gradient_dtype),
}
"""Keras layers by the kind of a layer in a model file (a residual block is a graph of these)."""


def latent_weights(model: Any) -> list[Any]:
    """The latent weight variables in the order of the layers: [fan_in, units], [k, k, c, units]."""
    return [variable for variable in model.variables if variable.name == LATENT]


def compiled_model(run: Run, initial: Path | None = None, **compile_options: Any) -> Any:
    """`build_model` with the run's optimiser, the summed cross-entropy and accuracy.

    Args:
        run: of the stage `emulate`.
        initial: weights to begin from, where the run asks for them.
        compile_options: for `keras.Model.compile`: run_eagerly, steps_per_execution, and jit_compile,
            which leaves the products to TensorFlow where they gain by it (programs.py).

    Raises:
        ConfigError: layers that cannot be trained; initial weights that are not there, or are of
            another network.
    """
    check_given(run, initial)
    switches, optimizer = run.switches, run.optimizer
    parts = run.micro_batches
    # The sign of dW is that of the whole batch: with micro-batches the optimiser takes it, of their sum.
    layers = switches.model_copy(update={"weight_gradient": "f32"}) if parts > 1 else switches
    model = build_model(run.network, layers, run.seed or 0, freeze=run.freeze)
    if initial:
        begin_from(initial, model, switches.weight_dtype)
    options: dict[str, Any] = {
        "weight_dtype": switches.weight_dtype,
        "momentum_dtype": switches.momentum_dtype,
        "weight_gradient": switches.weight_gradient,
        "seed": run.seed or 0,
        "gradient_accumulation_steps": parts if parts > 1 else None,
    }
    if optimizer.kind == "bop":
        options |= {"gamma": optimizer.gamma, "tau": optimizer.tau}
        for weights in latent_weights(model):
            weights.assign(sgn(weights))
    keras_optimizer = OPTIMIZERS[optimizer.kind](optimizer.learning_rate, **options)
    if compile_options.get("jit_compile") and gain_by_programs(run.network):
        train_by_programs(model, keras_optimizer)
        compile_options["jit_compile"] = False
    model.compile(
        optimizer=keras_optimizer,
        loss=SummedCrossEntropy(switches.gradient_dtype),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        **compile_options,
    )
    model.optimizer.build(model.trainable_variables)
    return model
