"""Batch norm: l2, l1, or with the backward that needs signs only."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from edgebnn.emulation import precision
from edgebnn.emulation.layers.arguments import one_of, switch_value
from edgebnn.emulation.layers.layer import TrainedLayer
from edgebnn.emulation.layers.registry import register
from edgebnn.emulation.quantizers import sgn
from edgebnn.emulation.storage import half, store_gradients

LEAST_MOVING_PSI = np.float32(2**-10)
"""docs/numerics.md, Forward 3."""


@register
class BatchNorm(TrainedLayer):
    """X' = (Y - mu)/psi + beta per channel (last axis), without a scale; shape unchanged.

    kind: `l2` psi = sqrt(var + 1e-5); `l1` psi = mean|Y - mu|; `bnn` as l1, with the backward of
    Wang et al. (2021, section 4.2), which needs only sgn(X') and omega = mean|X'|:
    dY = v - mean(v) - mean(v·x^)·omega·x^, v = dX'/psi. Where psi = 0: X' = beta, dY = 0.
    `bnn-xn`: as bnn, with the signs of x^n = (Y - mu)/psi, whose mean magnitude is 1 (a trial).
    Inference uses moving averages of mu and psi (momentum 0.9, from 0 and 1); a channel that is dead
    in batch after batch has a moving psi that decays: below LEAST_MOVING_PSI it is dead there too.
    Training uses them as well where `trainable` is False; they stay as they are, and dY = v.
    Under l2, l1 and bnn-xn backward reads x^n, as `activations` f32 or f16 keeps it; under bnn only signs.
    dY is kept as `gradient_dtype`; dbeta, the sum of dX', is divided by B under `reduction: sum`.

    Raises:
        ValueError: an argument, or an input's shape, that is not allowed.
    """

    arguments = ("kind", "gradient_dtype", "activations")

    def __init__(
        self,
        kind: str = "l2",
        gradient_dtype: str = "f32",
        activations: str = "f32",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activations = one_of("BatchNorm", "activations", activations, ("f32", "f16"))
        self.kind = switch_value("BatchNorm", "kind", kind, switch="batch_norm")
        self.gradient_dtype = switch_value("BatchNorm", "gradient_dtype", gradient_dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = (self.channels(input_shape),)
        self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros")
        self.moving_mu = self.add_weight(
            name="moving_mu", shape=channels, initializer="zeros", trainable=False
        )
        self.moving_psi = self.add_weight(
            name="moving_psi", shape=channels, initializer="ones", trainable=False
        )

    def call(self, y: Any, training: bool = False) -> Any:
        if not (training and self.trainable):
            psi = ops.copy(self.moving_psi)
            r = _reciprocal(psi, psi >= LEAST_MOVING_PSI)
            return self._normalize_by_constants(y, ops.copy(self.moving_mu), r)
        return self.normalized(y, *self.statistics(y))

    def statistics(self, y: Any) -> tuple[Any, Any]:
        """mu and psi, [channels] each, of a batch; the moving averages follow. No gradient passes."""
        mu, psi = self._mu_and_psi(ops.stop_gradient(y))
        for moving, value in ((self.moving_mu, mu), (self.moving_psi, psi)):
            moving.assign(moving * 0.9 + value * 0.1)
        return mu, psi

    def _normalize_by_constants(self, y: Any, mu: Any, r: Any) -> Any:
        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def normalized(y: Any, beta: Any, mu: Any, r: Any) -> Any:
            def grad(*args: Any, upstream: Any = None) -> Any:
                g = args[0] if upstream is None else upstream
                dy = store_gradients(self.gradient_dtype, g * r, by_sample=False)
                return dy, *(ops.zeros_like(constant) for constant in (beta, mu, r))

            return (y - mu) * r + beta, grad

        return normalized(y, ops.copy(self.beta), mu, r)

    def _mu_and_psi(self, y: Any) -> tuple[Any, Any]:
        axes = _all_but_last(y)
        mu = precision.mean(y, axes)
        d = y - mu
        if self.kind == "l2":
            d = precision.wide(d)
            variance = precision.total(d * d, axes) / precision.wide(precision.positions(y, axes))
            return mu, precision.single(ops.sqrt(variance + 1e-5))
        return mu, precision.mean(ops.abs(d), axes)

    def normalized(self, y: Any, mu: Any, psi: Any) -> Any:
        """X' of a batch with these statistics."""
        axes = _all_but_last(y)

        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def x_of(y: Any, beta: Any, mu: Any, psi: Any) -> Any:
            r = _reciprocal(psi, psi > 0)
            xn = (y - mu) * r
            x = xn + beta

            def grad(*args: Any, upstream: Any = None) -> Any:
                g = args[0] if upstream is None else upstream
                v = g * r
                if self.kind == "bnn":
                    direction = sgn(x)
                    m2 = precision.mean(v, axes, direction) * precision.mean(ops.abs(x), axes)
                else:
                    kept = half(xn) if self.activations == "f16" else xn
                    direction = kept if self.kind == "l2" else sgn(kept)
                    m2 = precision.mean(v, axes, direction if self.kind == "bnn-xn" else kept)
                dy = (v - precision.mean(v, axes)) - m2 * direction
                dbeta = precision.single(precision.total(precision.wide(g), axes)) / self.divisor(y)
                dy = store_gradients(self.gradient_dtype, dy, by_sample=False)
                return dy, dbeta, ops.zeros_like(mu), ops.zeros_like(psi)

            return x, grad

        return x_of(y, ops.copy(self.beta), mu, psi)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def _reciprocal(psi: Any, alive: Any) -> Any:
    """1/psi, and 0 for a dead channel."""
    return ops.where(alive, 1.0 / ops.where(alive, psi, np.float32(1)), np.float32(0))


def _all_but_last(x: Any) -> tuple[int, ...]:
    return tuple(range(len(x.shape) - 1))
