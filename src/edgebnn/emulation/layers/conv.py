"""Convolutions, with binary and with real weights."""

from __future__ import annotations

from typing import Any, ClassVar

from edgebnn.emulation import precision
from edgebnn.emulation.layers.arguments import at_least_one, one_of, switch_value
from edgebnn.emulation.layers.layer import TrainedLayer
from edgebnn.emulation.layers.registry import KERNEL, LATENT, register
from edgebnn.emulation.layers.window import PADDINGS, check_map, positions
from edgebnn.emulation.quantizers import binary_weights, divided_gradient


class _Conv2D(TrainedLayer):
    """Weights [kernel, kernel, c, filters] and where they go."""

    weights_name = KERNEL
    arguments: ClassVar[tuple[str, ...]] = ("filters", "kernel", "stride", "padding")

    def __init__(
        self, filters: int, kernel: int = 3, stride: int = 1, padding: str = "same", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.filters = at_least_one(name, "filters", filters)
        self.kernel = at_least_one(name, "kernel", kernel)
        self.stride = at_least_one(name, "stride", stride)
        self.padding = one_of(name, "padding", padding, PADDINGS)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        check_map(type(self).__name__, input_shape, self.kernel, self.padding)
        shape = (self.kernel, self.kernel, self.channels(input_shape), self.filters)
        self.w = self.add_kernel(self.weights_name, shape)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, *sides, _ = input_shape
        places = (positions(s, self.kernel, self.stride, self.padding) for s in sides)
        return (batch, *places, self.filters)


@register
class BinaryConv2D(_Conv2D):
    """Y = X * sgn(W): [B, h, w, c] -> [B, h', w', filters], float32.

    Padding `same` has h' = ceil(h / stride) and TensorFlow's border, the smaller half before; what
    lies outside the map counts as 0, neither +1 nor -1, in Y, dX and dW. `valid` has none:
    h' = (h - kernel) // stride + 1. Latent weights W [kernel, kernel, c, filters] stay in [-1, 1].

    Backward: dX and dW are the convolution's own gradients, sums rounded once (f32(sum64) under
    `precision.exact_sums`); dW as its sign (+1 at 0) under `weight_gradient: bool` (Wang et al.
    2021, section 4), else divided by B under `reduction: sum`.

    `integers` says that X holds integers only (signs, pixels), so that Y does: it is then rounded to
    them, since a GPU's convolution may go by way of fractions.

    Raises:
        ValueError: an argument, or an input's shape, that is not allowed.
    """

    weights_name = LATENT
    arguments = (*_Conv2D.arguments, "weight_gradient", "integers")
    old_files: ClassVar[dict[str, Any]] = {**_Conv2D.old_files, "integers": True}

    def __init__(
        self, *args: Any, weight_gradient: str = "f32", integers: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.weight_gradient = switch_value("BinaryConv2D", "weight_gradient", weight_gradient)
        self.integers = integers

    def call(self, x: Any) -> Any:
        signs = binary_weights(self.w, self.weight_gradient, self.divisor(x))
        y = precision.conv(x, signs, self.stride, self.padding)
        return precision.integers(y) if self.integers else y


@register
class RealConv2D(_Conv2D):
    """Y = X * W: [B, h, w, c] -> [B, h', w', filters], padded as `BinaryConv2D`; W is not clipped.

    dX and dW are float32 and not stored narrowly; dW is divided by B under `reduction: sum`.

    Raises:
        ValueError: an argument, or an input's shape, that is not allowed.
    """

    def call(self, x: Any) -> Any:
        kernel = divided_gradient(self.w, self.divisor(x))
        return precision.conv(x, kernel, self.stride, self.padding)
