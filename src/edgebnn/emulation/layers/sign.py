"""The binary activation."""

from __future__ import annotations

from typing import Any

from edgebnn.emulation.layers.arguments import switch_value
from edgebnn.emulation.layers.layer import Layer
from edgebnn.emulation.layers.registry import register
from edgebnn.emulation.quantizers import binarize


@register
class Sign(Layer):
    """x^ = sgn(X'): +1 where X' >= 0, else -1; any shape, float32.

    Backward, the straight-through estimator: dX' = store_g(dx^ where |X'| <= 1, else 0) under
    `ste: clip` (Courbariaux & Bengio 2016, section 1.3), store_g(dx^) under `identity`.

    Raises:
        ValueError: an argument that is not allowed.
    """

    arguments = ("ste", "gradient_dtype")

    def __init__(self, ste: str = "clip", gradient_dtype: str = "f32", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ste = switch_value("Sign", "ste", ste)
        self.gradient_dtype = switch_value("Sign", "gradient_dtype", gradient_dtype)

    def call(self, x: Any) -> Any:
        return binarize(x, self.ste, self.gradient_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
