"""The layer list, its shapes and counts: the one description of a network for both engines.

A layer's number in messages is its place in the list, from 1; inside a residual block `4.2` is the
second layer of the fourth.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from edgebnn.errors import ConfigError

Shape = tuple[int, ...]
"""(height, width, channels), or (features,) after `flatten`."""

Positive = Annotated[int, Field(strict=True, ge=1, le=1 << 20)]


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Flatten(_Layer):
    kind: Literal["flatten"] = "flatten"


class Dense(_Layer):
    kind: Literal["dense"] = "dense"
    units: Positive
    weights: Literal["binary", "real"] = "binary"


class Conv(_Layer):
    kind: Literal["conv"] = "conv"
    filters: Positive
    kernel: Positive = 3
    stride: Positive = 1
    padding: Literal["same", "valid"] = "same"
    weights: Literal["binary", "real"] = "binary"


class MaxPool(_Layer):
    kind: Literal["max_pool"] = "max_pool"
    size: Positive = 2
    stride: Positive = 2
    padding: Literal["same", "valid"] = "valid"


class AvgPool(_Layer):
    kind: Literal["avg_pool"] = "avg_pool"
    size: Positive = 2
    stride: Positive = 2


class GlobalAvgPool(_Layer):
    kind: Literal["global_avg_pool"] = "global_avg_pool"


class BatchNorm(_Layer):
    kind: Literal["batch_norm"] = "batch_norm"


class Sign(_Layer):
    kind: Literal["sign"] = "sign"


class Residual(_Layer):
    """Output = layers(x) + shortcut(x); an empty shortcut is the identity."""

    kind: Literal["residual"] = "residual"
    layers: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()


Layer = Annotated[
    Flatten | Dense | Conv | MaxPool | AvgPool | GlobalAvgPool | BatchNorm | Sign | Residual,
    Field(discriminator="kind"),
]
Residual.model_rebuild()

LAYERS: dict[str, type[_Layer]] = {
    kind.model_fields["kind"].default: kind
    for kind in (
        Flatten,
        Dense,
        Conv,
        MaxPool,
        AvgPool,
        GlobalAvgPool,
        BatchNorm,
        Sign,
        Residual,
    )
}


@dataclass(frozen=True)
class Placed:
    """A layer with its number, its place's shapes (without the batch) and its weights."""

    number: str
    layer: Any
    input: Shape
    output: Shape

    @property
    def fan_in(self) -> int:
        """Inputs of one output unit: k·k·C_in, or the features of a dense layer; 0 unweighted."""
        match self.layer:
            case Dense():
                return self.input[0]
            case Conv(kernel=k):
                return k * k * self.input[2]
        return 0

    @property
    def weights(self) -> int:
        """Number of latent weights."""
        return self.fan_in * self.output[-1]


class Network(BaseModel):
    """An input shape and a checked layer list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: tuple[Positive, Positive, Positive]
    layers: tuple[Layer, ...]

    def placed(self) -> list[Placed]:
        """Every layer with its shapes, in order; a residual block's layers before the block itself.

        Raises:
            ConfigError: the layers do not fit together, located by layer number.
        """
        return list(_place(self.layers, self.input, ""))

    @property
    def output(self) -> Shape:
        """Shape of the last layer's output: (classes,)."""
        return self.placed()[-1].output

    def frozen(self, freeze: Collection[int]) -> frozenset[int]:
        """Numbers of all layers that are not trained: those asked for, each with its batch norm."""
        frozen, follows = set(), False
        for number, layer in enumerate(self.layers, 1):
            if number in freeze or (follows and isinstance(layer, BatchNorm)):
                frozen.add(number)
            if has_weights(layer):
                follows = number in freeze
            elif isinstance(layer, BatchNorm):
                follows = False
        return frozenset(frozen)

    def with_input(self, shape: tuple[int, int, int]) -> Self:
        """The same layers on another input (a data set's)."""
        return self.model_copy(update={"input": tuple(shape)})


def has_weights(layer: Any) -> bool:
    """Whether it is a layer with weights, or a block of such."""
    return isinstance(layer, Dense | Conv | Residual)


def _window(size: int, kernel: int, stride: int, padding: str) -> int:
    """Output positions of a sliding window along one axis ('same': ceil(size/stride))."""
    return -(-size // stride) if padding == "same" else (size - kernel) // stride + 1


def _output_shape(layer: Any, shape: Shape) -> Shape:
    """Shape after one layer.

    Raises:
        ConfigError: the layer cannot take that shape.
    """
    match layer:
        case Flatten():
            return (math.prod(shape),)
        case Dense(units=units):
            if len(shape) != 1:
                raise ConfigError(
                    f"needs flat features, found {show_shape(shape)}; put 'flatten' before it"
                )
            return (units,)
        case Conv() | MaxPool() | AvgPool() | GlobalAvgPool():
            if len(shape) != 3:
                raise ConfigError(
                    f"needs a map (height x width x channels), found {show_shape(shape)}"
                )
        case _:
            return shape
    height, width, channels = shape
    if isinstance(layer, GlobalAvgPool):
        return (channels,)
    kernel = layer.kernel if isinstance(layer, Conv) else layer.size
    padding = getattr(layer, "padding", "valid")
    if isinstance(layer, Conv) and kernel % 2 == 0:
        raise ConfigError(f"kernel {kernel} is even; odd ones are allowed")
    if padding == "valid" and kernel > min(height, width):
        raise ConfigError(f"a window of {kernel} does not fit into {show_shape(shape)}")
    return (
        _window(height, kernel, layer.stride, padding),
        _window(width, kernel, layer.stride, padding),
        layer.filters if isinstance(layer, Conv) else channels,
    )


def _place(layers: tuple[Any, ...], shape: Shape, prefix: str) -> Iterator[Placed]:
    for index, layer in enumerate(layers, 1):
        number = f"{prefix}{index}"
        if isinstance(layer, Residual):
            main = list(_place(layer.layers, shape, f"{number}."))
            side = list(_place(layer.shortcut, shape, f"{number}.s"))
            output = main[-1].output if main else shape
            other = side[-1].output if side else shape
            if output != other:
                raise ConfigError(
                    f"layer {number} (residual): its layers give {show_shape(output)}, "
                    f"its shortcut {show_shape(other)}; they are added and must agree"
                )
            yield from main
            yield from side
        else:
            try:
                output = _output_shape(layer, shape)
            except ConfigError as error:
                raise ConfigError(f"layer {number} ({layer.kind}): {error}") from None
        yield Placed(number, layer, shape, output)
        shape = output


def show_shape(shape: Shape) -> str:
    """`28x28x1`, for messages."""
    return "x".join(str(size) for size in shape)
