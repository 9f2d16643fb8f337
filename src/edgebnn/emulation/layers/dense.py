"""Dense layers, with binary and with real weights."""

from __future__ import annotations

from typing import Any, ClassVar

from keras import ops

from edgebnn.emulation import precision
from edgebnn.emulation.layers.arguments import at_least_one, switch_value
from edgebnn.emulation.layers.layer import TrainedLayer
from edgebnn.emulation.layers.registry import KERNEL, LATENT, register
from edgebnn.emulation.quantizers import divided_gradient, sgn


class _Dense(TrainedLayer):
    """Weights [fan_in, units]."""

    weights_name = KERNEL
    arguments: ClassVar[tuple[str, ...]] = ("units",)

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = at_least_one(type(self).__name__, "units", units)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 2:
            raise ValueError(
                f"{type(self).__name__}: found an input of shape {tuple(input_shape)}, allowed is "
                f"[batch, features]; put keras.layers.Flatten before it"
            )
        self.w = self.add_kernel(self.weights_name, (self.channels(input_shape), self.units))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)


@register
class BinaryDense(_Dense):
    """Y = X sgn(W): [B, fan_in] -> [B, units], exact integers where X is one.

    Latent weights W [fan_in, units] stay in [-1, 1]. Backward: dX = f32(dY sgn(W)^T);
    dW = f32(X^T dY), as its sign (+1 at 0) under `weight_gradient: bool` (Wang et al. 2021,
    section 4), else divided by B under `reduction: sum`.

    Raises:
        ValueError: an argument, or an input's shape, that is not allowed.
    """

    weights_name = LATENT
    arguments = ("units", "weight_gradient")

    def __init__(self, units: int, weight_gradient: str = "f32", **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.weight_gradient = switch_value("BinaryDense", "weight_gradient", weight_gradient)

    def call(self, x: Any) -> Any:
        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def product(x: Any, w: Any) -> Any:
            signs = sgn(w)

            def grad(*args: Any, upstream: Any = None) -> Any:
                dy = args[0] if upstream is None else upstream
                dw = precision.matmul(ops.transpose(x), dy)
                dw = sgn(dw) if self.weight_gradient == "bool" else dw / self.divisor(x)
                return precision.matmul(dy, ops.transpose(signs)), dw

            return ops.matmul(x, signs), grad

        return product(x, ops.copy(self.w))


@register
class RealDense(_Dense):
    """Y = X W: [B, fan_in] -> [B, units], float32; W [fan_in, units] is not clipped.

    Backward: dX = dY W^T; dW = X^T dY, divided by B under `reduction: sum`.

    Raises:
        ValueError: an argument, or an input's shape, that is not allowed.
    """

    def call(self, x: Any) -> Any:
        return precision.matmul(x, divided_gradient(self.w, self.divisor(x)))
