"""Convolutions, with binary and with real weights."""

from __future__ import annotations

from typing import Any

import keras

from edgebnn.emulation import precision
from edgebnn.emulation.layers.registry import KERNEL, LATENT, register
from edgebnn.emulation.quantizers import averaged_gradient, binary_weights


class _Conv2D(keras.layers.Layer):  # type: ignore[misc]
    """A kernel [k, k, c, filters] and where it goes."""

    weights_name = KERNEL

    def __init__(
        self, filters: int, kernel: int = 3, stride: int = 1, padding: str = "same", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.padding = padding

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.kernel, self.kernel, int(input_shape[-1] or 0), self.filters)
        fan_in = shape[0] * shape[1] * shape[2]
        self.filter_weights = self.add_weight(
            name=self.weights_name,
            shape=shape,
            initializer=keras.initializers.RandomNormal(stddev=fan_in**-0.5),
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, *sides, _ = input_shape
        return (batch, *(self._positions(side) for side in sides), self.filters)

    def _positions(self, side: int | None) -> int | None:
        """Output positions along an axis."""
        if side is None:
            return None
        if self.padding == "same":
            return -(-side // self.stride)
        return (side - self.kernel) // self.stride + 1

    def get_config(self) -> dict[str, Any]:
        names = ("filters", "kernel", "stride", "padding")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@register
class BinaryConv2D(_Conv2D):
    """Y = X * sgn(W): integers [B, h, w, c] -> exact integers [B, h', w', filters], as float32.

    Padding `same` has h' = ceil(h / stride) and TensorFlow's border, the smaller half before; what
    lies outside the map counts as 0, neither +1 nor -1, in Y, dX and dW. `valid` has none:
    h' = (h - kernel) // stride + 1. Latent weights are [kernel, kernel, c, filters].

    Backward: dX and dW are the convolution's own gradients, sums rounded once (f32(sum64) under
    `precision.exact_sums`); dW as its sign (+1 at 0) under `weight_gradient: bool` (Wang et al.
    2021, section 4), else divided by B.
    """

    weights_name = LATENT

    def __init__(self, *args: Any, weight_gradient: str = "f32", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weight_gradient = weight_gradient

    def call(self, x: Any) -> Any:
        signs = binary_weights(self.filter_weights, self.weight_gradient, precision.batch(x))
        return precision.integers(precision.conv(x, signs, self.stride, self.padding))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_gradient": self.weight_gradient}


@register
class RealConv2D(_Conv2D):
    """Y = X * W: [B, h, w, c] -> [B, h', w', filters], padded as `BinaryConv2D`.

    dX and dW are float32 and not stored narrowly; dW is divided by B. W is not clipped.
    """

    def call(self, x: Any) -> Any:
        kernel = averaged_gradient(self.filter_weights, precision.batch(x))
        return precision.conv(x, kernel, self.stride, self.padding)
