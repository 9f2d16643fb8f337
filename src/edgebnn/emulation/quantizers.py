"""Signs, and the gradients that stand in for their own: the straight-through estimator.

Source: Courbariaux & Bengio (2016), "Binarized Neural Networks", section 1.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from edgebnn.emulation.storage import store_gradients


def sgn(x: Any) -> Any:
    """+1 where x >= 0 (also for -0.0), else -1: float32, same shape."""
    return ops.where(x >= 0, np.float32(1), np.float32(-1))


def binarize(x: Any, ste: str, gradient_dtype: str) -> Any:
    """x^ = sgn(x); backward, dX = store_g(upstream where |x| <= 1, else 0).

    Args:
        x: float32, any shape (X', a batch norm's output).
        ste: `clip` as above, or `identity`, which lets every gradient through.
        gradient_dtype: the storage of dX (storage.GRADIENTS).
    """

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def sign(x: Any) -> Any:
        def grad(*args: Any, upstream: Any = None) -> Any:
            dx = args[0] if upstream is None else upstream
            if ste == "clip":
                dx = ops.where(ops.abs(x) <= 1, dx, np.float32(0))
            return store_gradients(gradient_dtype, dx, by_sample=True)

        return sgn(x), grad

    return sign(x)


def binary_weights(w: Any, weight_gradient: str, divisor: Any) -> Any:
    """W^ = sgn(W); backward, of the gradient dW what an optimiser takes: sgn(dW) under `bool`,
    dW / divisor under `f32`.

    Args:
        w: latent weights, a variable or tensor of any shape.
        weight_gradient: the switch.
        divisor: float32: the batch size where dW is of the loss summed over the batch, else 1.
    """

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def signs(w: Any, divisor: Any) -> Any:
        def grad(*args: Any, upstream: Any = None) -> Any:
            dw = args[0] if upstream is None else upstream
            return sgn(dw) if weight_gradient == "bool" else dw / divisor, ops.zeros_like(divisor)

        return sgn(w), grad

    return signs(ops.copy(w), divisor)


def divided_gradient(w: Any, divisor: Any) -> Any:
    """W as it is; backward, dW / divisor, as `binary_weights`."""

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def same(w: Any, divisor: Any) -> Any:
        def grad(*args: Any, upstream: Any = None) -> Any:
            dw = args[0] if upstream is None else upstream
            return dw / divisor, ops.zeros_like(divisor)

        return w, grad

    return same(ops.copy(w), divisor)
