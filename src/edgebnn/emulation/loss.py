"""Cross-entropy whose gradient is that of the sum over the batch, as stored."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from edgebnn.emulation import precision
from edgebnn.emulation.layers.arguments import one_of
from edgebnn.emulation.storage import GRADIENTS, store_gradients


def cross_entropy(labels: Any, logits: Any, gradient_dtype: str = "f32") -> Any:
    """L_b = log(sum exp(z - m)) - (z_y - m) with m = max z, in the accumulator's dtype.

    Args:
        labels: integers [B].
        logits: float32 [B, classes].
        gradient_dtype: storage of the gradient.

    Returns:
        [B] losses. Their gradient with respect to the logits is store_g(f32(softmax(z) - onehot))
        *whatever weights the losses are summed with*: a mean over them reports the mean loss, and
        backward runs on the sum, without a factor 1/B to round away (docs/numerics.md, "Backward").
    """

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def losses(z: Any, onehot: Any) -> Any:
        shifted = precision.wide(z) - ops.max(precision.wide(z), axis=-1, keepdims=True)
        exponentials = ops.exp(shifted)
        total = ops.sum(exponentials, axis=-1, keepdims=True)

        def grad(*args: Any, upstream: Any = None) -> Any:
            dz = precision.single(exponentials / total - precision.wide(onehot))
            return store_gradients(gradient_dtype, dz, by_sample=True), ops.zeros_like(onehot)

        picked = ops.sum(shifted * precision.wide(onehot), axis=-1)
        return ops.log(ops.squeeze(total, -1)) - picked, grad

    onehot = ops.one_hot(ops.cast(labels, "int32"), logits.shape[-1], dtype="float32")
    return losses(logits, onehot)


@keras.saving.register_keras_serializable("edgebnn")
class SummedCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Mean `cross_entropy` as the value, the gradient of its sum as the gradient.

    For models whose every layer with variables has `reduction="sum"`. Labels are integers [B], logits
    [B, classes]. Weights of samples or classes change the value only, never the gradient.

    Raises:
        ValueError: an unknown `gradient_dtype`.
    """

    def __init__(self, gradient_dtype: str = "f32", name: str = "loss") -> None:
        super().__init__(name=name, reduction="sum_over_batch_size")
        self.gradient_dtype = one_of(
            "SummedCrossEntropy", "gradient_dtype", gradient_dtype, GRADIENTS
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return cross_entropy(y_true, y_pred, self.gradient_dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gradient_dtype": self.gradient_dtype, "name": self.name}
