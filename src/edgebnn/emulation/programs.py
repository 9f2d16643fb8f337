"""On a CPU: TensorFlow for the products, XLA for what stands between them.

XLA has Eigen's convolutions there, which take a third longer than oneDNN's, TensorFlow's own. What it
does well is to join the small steps between two products. So each such stretch of layers becomes two
programs of XLA, one forward and one backward, the optimiser's step another one, and the products stay
outside. A stretch keeps its input and its batch norm's statistics for the way back, and no more: the
rest is made again from these, as in docs/numerics.md, Backward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import keras

from edgebnn.emulation.layers import BatchNorm, BinaryConv2D, BinaryDense, RealConv2D, RealDense
from edgebnn.emulation.optimizers import LatentOptimizer
from edgebnn.study.network import Network

PRODUCTS = (BinaryConv2D, BinaryDense, RealConv2D, RealDense)


def gain_by_programs(network: Network) -> bool:
    """Whether a network trains quicker so here: it has convolutions, and one layer after the other."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    kinds = {layer.kind for layer in network.layers}
    return "conv" in kinds and "residual" not in kinds and not tf.config.list_logical_devices("GPU")


def train_by_programs(model: Any, optimizer: LatentOptimizer) -> None:
    """Before `model`, of layers that stand one after the other, is compiled (without XLA) with `optimizer`.

    It stays of Keras' own class, in its file too.
    """
    optimizer.in_a_program = True
    in_training: list[Callable[[Any], Any]] = []
    in_inference: list[Callable[[Any], Any]] = []
    for product, group in groupby(model.layers[1:], lambda layer: isinstance(layer, PRODUCTS)):
        stretch = list(group)
        in_training += stretch if product else [_program(stretch)]
        in_inference += stretch if product else [_inference(stretch)]

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        for step in in_training if training else in_inference:
            inputs = step(inputs)
        return inputs

    model.call = call


def _program(layers: list[Any]) -> Callable[[Any], Any]:
    """`layers`, in training, one after the other: differentiable, each way a program of XLA."""
    import tensorflow as tf

    trained = [weight.value for layer in layers for weight in layer.trainable_variables]

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def forward(x: Any) -> tuple[Any, list[Any]]:
        kept: list[Any] = []

        def statistics(norm: BatchNorm, y: Any) -> Any:
            kept.append(norm.statistics(y))
            return kept[-1]

        return _through(layers, x, statistics), kept

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def backward(x: Any, kept: list[Any], upstream: Any) -> Any:
        taken = iter(kept)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([x, *trained])
            y = _through(layers, x, lambda norm, y: next(taken))
        return tape.gradient(y, [x, *trained], upstream)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def program(x: Any) -> Any:
        y, kept = forward(x)

        def grad(upstream: Any, variables: Sequence[Any] = ()) -> Any:
            dx, *gradients = backward(x, kept, upstream)
            of = {id(w): gradient for w, gradient in zip(trained, gradients, strict=True)}
            return dx, [of.get(id(variable)) for variable in variables]  # none for a frozen layer's

        return y, grad

    differentiable: Callable[[Any], Any] = program
    return differentiable


def _inference(layers: list[Any]) -> Callable[[Any], Any]:
    """`layers`, in inference, as one program."""
    import tensorflow as tf

    def program(x: Any) -> Any:
        for layer in layers:
            x = layer(x, training=False) if isinstance(layer, BatchNorm) else layer(x)
        return x

    compiled: Callable[[Any], Any] = tf.function(program, jit_compile=True)
    return compiled


def _through(layers: list[Any], x: Any, statistics: Callable[[BatchNorm, Any], Any]) -> Any:
    for layer in layers:
        if isinstance(layer, BatchNorm) and layer.trainable:
            x = layer.normalized(x, *statistics(layer, x))
        else:
            x = layer(x)
    return x
