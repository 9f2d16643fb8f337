"""From a run's network, switches and seed to a compiled keras.Model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from edgebnn.emulation.layers import LATENT, BatchNorm, BinaryDense, Sign
from edgebnn.emulation.loss import SummedCrossEntropy
from edgebnn.emulation.optimizers import OPTIMIZERS
from edgebnn.emulation.quantizers import sgn
from edgebnn.emulation.random import initial_weights
from edgebnn.emulation.storage import store_weights
from edgebnn.errors import ConfigError
from edgebnn.network import Network
from edgebnn.plan import Run
from edgebnn.switches import Switches


def build_model(network: Network, switches: Switches, seed: int, name: str = "edgebnn") -> Any:
    """The network on centred pixels: float32 [B, height, width, channels] -> logits [B, classes].

    Args:
        network: flatten, dense with binary weights, batch_norm and sign; batch_norm after each dense.
        switches: the method.
        seed: of the initial weights, which the trainer draws alike.

    Raises:
        ConfigError: a layer that this version cannot train, by its number.
    """
    make: dict[str, Callable[[Any], Any]] = {
        "flatten": lambda layer: keras.layers.Flatten(),
        "dense": lambda layer: BinaryDense(layer.units, switches.weight_gradient),
        "batch_norm": lambda layer: BatchNorm(switches.batch_norm, switches.gradient_dtype),
        "sign": lambda layer: Sign(switches.ste, switches.gradient_dtype),
    }
    inputs = x = keras.Input(network.input, name="centred_pixels")
    layers = network.layers
    for number, layer in enumerate(layers, 1):
        here = f"layer {number} ({layer.kind})"
        if layer.kind not in make or getattr(layer, "weights", "binary") != "binary":
            raise ConfigError(f"{here}: not trained by this version; it trains {', '.join(make)}")
        if layer.kind == "dense" and (number == len(layers) or layers[number].kind != "batch_norm"):
            raise ConfigError(
                f"{here}: put 'batch_norm' after it, whose backward scales its gradient"
            )
        x = make[layer.kind](layer)(x)
    model = keras.Model(inputs, x, name=name)
    for index, weights in enumerate(latent_weights(model)):
        start = initial_weights(seed, index, *weights.shape)
        weights.assign(store_weights(switches.weight_dtype, start))
    return model


def latent_weights(model: Any) -> list[Any]:
    """The latent weight variables, [fan_in, units] each, in the order of the layers."""
    return [variable for variable in model.trainable_variables if variable.name == LATENT]


def compiled_model(run: Run, **compile_options: Any) -> Any:
    """`build_model` with the run's optimiser, the summed cross-entropy and accuracy.

    Args:
        run: of the stage `emulate`.
        compile_options: for `keras.Model.compile`: run_eagerly, jit_compile, steps_per_execution.

    Raises:
        ConfigError: layers or a combination of switches and optimiser that cannot be trained.
    """
    switches, optimizer = run.switches, run.optimizer
    if switches.weight_gradient == "f32" and switches.momentum_dtype in ("i8", "i4"):
        raise ConfigError(
            f"momentum_dtype: {switches.momentum_dtype} holds an average of signs in [-1, 1]; "
            f"with weight_gradient: f32 the momentum has no such scale; "
            f"use weight_gradient: bool, or momentum_dtype: f32, f16 or q15"
        )
    model = build_model(run.network, switches, run.seed or 0)
    options: dict[str, Any] = {
        "weight_dtype": switches.weight_dtype,
        "momentum_dtype": switches.momentum_dtype,
        "weight_gradient": switches.weight_gradient,
        "seed": run.seed or 0,
    }
    if optimizer.kind == "bop":
        options |= {"gamma": optimizer.gamma, "tau": optimizer.tau}
        for weights in latent_weights(model):
            weights.assign(sgn(weights))
    model.compile(
        optimizer=OPTIMIZERS[optimizer.kind](optimizer.learning_rate, **options),
        loss=SummedCrossEntropy(switches.gradient_dtype),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        **compile_options,
    )
    model.optimizer.build(model.trainable_variables)
    return model
