"""What the layers share: float32, arguments that are saved, and what an optimiser takes."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import ops

from edgebnn.emulation import precision
from edgebnn.emulation.layers.arguments import one_of
from edgebnn.emulation.layers.registry import LATENT

REDUCTIONS = ("mean", "sum")


class Layer(keras.layers.Layer):  # type: ignore[misc]
    """A layer in float32, also under a policy of mixed precision; `arguments` are saved by name.

    Raises:
        ValueError: another dtype is asked for.
    """

    arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        one_of(type(self).__name__, "dtype", self.dtype_policy.name, ("float32",))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self.arguments}}


class TrainedLayer(Layer):
    """A layer with variables; an optimiser takes the gradient of the batch's *mean* loss for them.

    reduction: what the loss makes of a batch's losses, and so what flows backward: their `mean`
    (Keras' own losses), or their `sum` (`SummedCrossEntropy`), which is divided by B here.
    """

    old_files: ClassVar[dict[str, Any]] = {"reduction": "sum"}
    """What a file means that has no such argument yet: all losses were sums."""

    def __init__(self, reduction: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reduction = one_of(type(self).__name__, "reduction", reduction, REDUCTIONS)

    def divisor(self, x: Any) -> Any:
        """What the gradient of a variable is divided by, float32: B under `sum`, else 1."""
        return precision.batch(x) if self.reduction == "sum" else np.float32(1)

    def add_kernel(self, name: str, shape: tuple[int, ...]) -> Any:
        """Weights of that name, N(0, 1/fan_in), fan_in the product of all sides but the last.

        Latent weights are clipped to [-1, 1] after each step, whichever optimiser made it.
        """
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.RandomNormal(stddev=math.prod(shape[:-1]) ** -0.5),
            constraint=_clipped if name == LATENT else None,
        )

    def channels(self, input_shape: tuple[int | None, ...]) -> int:
        """The length of an input's last axis; raises ValueError where it is not known."""
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"{type(self).__name__}: found an input of shape {tuple(input_shape)}: the length of "
                f"its last axis must be known; give it to keras.Input"
            )
        return int(channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        layer: Self = super().from_config({**cls.old_files, **config})
        return layer


def _clipped(w: Any) -> Any:
    return ops.clip(w, -1, 1)
