"""The binary activation."""

from __future__ import annotations

from typing import Any

import keras

from edgebnn.emulation.layers.registry import register
from edgebnn.emulation.quantizers import binarize


@register
class Sign(keras.layers.Layer):  # type: ignore[misc]
    """x^ = sgn(X'), with the straight-through estimator of `quantizers.binarize` backward."""

    def __init__(self, ste: str = "clip", gradient_dtype: str = "f32", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ste = ste
        self.gradient_dtype = gradient_dtype

    def call(self, x: Any) -> Any:
        return binarize(x, self.ste, self.gradient_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = {"ste": self.ste, "gradient_dtype": self.gradient_dtype}
        return {**super().get_config(), **config}
