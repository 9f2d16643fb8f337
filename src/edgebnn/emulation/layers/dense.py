"""Dense layers, with binary and with real weights."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from edgebnn.emulation import precision
from edgebnn.emulation.layers.registry import KERNEL, LATENT, register
from edgebnn.emulation.quantizers import averaged_gradient, sgn


@register
class BinaryDense(keras.layers.Layer):  # type: ignore[misc]
    """Y = X sgn(W): [B, fan_in] -> [B, units], exact integers where X is one.

    Backward: dX = f32(dY sgn(W)^T); dW = f32(X^T dY), as its sign (+1 at 0) under
    `weight_gradient: bool` (Wang et al. 2021, section 4), else divided by B.
    """

    def __init__(self, units: int, weight_gradient: str = "f32", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.weight_gradient = weight_gradient

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        fan_in = int(input_shape[-1] or 0)
        self.latent_weights = self.add_weight(
            name=LATENT,
            shape=(fan_in, self.units),
            initializer=keras.initializers.RandomNormal(stddev=fan_in**-0.5),
        )

    def call(self, x: Any) -> Any:
        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def product(x: Any, w: Any) -> Any:
            signs = sgn(w)

            def grad(*args: Any, upstream: Any = None) -> Any:
                dy = args[0] if upstream is None else upstream
                dw = precision.matmul(ops.transpose(x), dy)
                dw = sgn(dw) if self.weight_gradient == "bool" else dw / precision.batch(x)
                return precision.matmul(dy, ops.transpose(signs)), dw

            return ops.matmul(x, signs), grad

        return product(x, ops.copy(self.latent_weights))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        config = {"units": self.units, "weight_gradient": self.weight_gradient}
        return {**super().get_config(), **config}


@register
class RealDense(keras.layers.Layer):  # type: ignore[misc]
    """Y = X W: [B, fan_in] -> [B, units]; dX = dY W^T, dW = X^T dY / B, float32, W not clipped."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        fan_in = int(input_shape[-1] or 0)
        self.real_weights = self.add_weight(
            name=KERNEL,
            shape=(fan_in, self.units),
            initializer=keras.initializers.RandomNormal(stddev=fan_in**-0.5),
        )

    def call(self, x: Any) -> Any:
        return precision.matmul(x, averaged_gradient(self.real_weights, precision.batch(x)))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
