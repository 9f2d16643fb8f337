"""The layer list: parsing, shapes and counts; the one description of a network for both engines.

A model file (config/models/<name>.yaml) holds `input: [height, width, channels]` and `layers`, a
list of layer names, alone (`batch_norm`) or with their arguments (`dense: 256`,
`conv: {filters: 64, kernel: 3, padding: same}`). A layer's number in messages is its place in that
list, from 1; inside a residual block `4.2` is the second layer of the fourth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest

Shape = tuple[int, ...]
"""(height, width, channels), or (features,) after `flatten`."""

Positive = Annotated[int, Field(ge=1)]


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
_SCALAR_ARGUMENT = {"dense": "units", "conv": "filters", "max_pool": "size", "avg_pool": "size"}
"""The argument meant by `dense: 256`."""

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Layer)


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

    def with_input(self, shape: tuple[int, int, int]) -> Self:
        """The same layers on another input (a data set's)."""
        return self.model_copy(update={"input": tuple(shape)})


def parse_network(document: Any, where: str) -> Network:
    """A network from the parsed YAML of a model file.

    Args:
        document: `{input: [h, w, c], layers: [...]}`.
        where: name of the file, for messages.

    Raises:
        ConfigError: naming the file, the layer's number and what is allowed there.
    """
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        raise ConfigError(f"{where}: a model is a mapping with 'input' and a list 'layers'")
    for key in document:
        if key not in ("input", "layers"):
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, ('input', 'layers'))}")
    layers = _parse_layers(document["layers"], "", where)
    try:
        network = Network(input=document.get("input"), layers=layers)
    except ValidationError as error:
        raise ConfigError(
            f"{where}: input: {document.get('input')!r} is not [height, width, channels]"
        ) from error
    try:
        _check_order(network)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return network


def load_network(name: str, models: Path) -> Network:
    """The network of `<models>/<name>.yaml`.

    Raises:
        ConfigError: no such model (the known ones are named), or a mistake in its file.
    """
    path = models / f"{name}.yaml"
    known = sorted(file.stem for file in models.glob("*.yaml"))
    if name not in known:
        raise ConfigError(
            f"model '{name}': no such file {path}{nearest(name, known)}; "
            f"models there: {', '.join(known) or 'none'}"
        )
    try:
        document = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    return parse_network(document, str(path))


def _parse_layers(entries: list[Any], prefix: str, where: str) -> tuple[Any, ...]:
    return tuple(
        _parse_layer(entry, f"{prefix}{number}", where) for number, entry in enumerate(entries, 1)
    )


def _parse_layer(entry: Any, number: str, where: str) -> Any:
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ConfigError(
            f"{where}: layer {number}: found {entry!r}; a layer is one name, or one 'name: arguments'"
        )
    kind, arguments = next(iter(entry.items()))
    if kind not in LAYERS:
        raise ConfigError(
            f"{where}: layer {number}: unknown layer '{kind}'{nearest(kind, LAYERS)}; "
            f"layers are {', '.join(LAYERS)}"
        )
    if arguments is None:
        arguments = {}
    elif kind in _SCALAR_ARGUMENT and not isinstance(arguments, dict):
        arguments = {_SCALAR_ARGUMENT[kind]: arguments}
    if not isinstance(arguments, dict):
        raise ConfigError(
            f"{where}: layer {number} ({kind}): found {arguments!r} for its arguments"
        )
    arguments = dict(arguments)
    if kind == "residual":
        for branch, letter in (("layers", ""), ("shortcut", "s")):
            if branch in arguments:
                if not isinstance(arguments[branch], list):
                    raise ConfigError(
                        f"{where}: layer {number} (residual): '{branch}' is not a list"
                    )
                arguments[branch] = _parse_layers(arguments[branch], f"{number}.{letter}", where)
    try:
        return _ADAPTER.validate_python({"kind": kind, **arguments})
    except ValidationError as error:
        problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in problem["loc"][1:]) or kind
        allowed = [field for field in LAYERS[kind].model_fields if field != "kind"]
        hint = nearest(key, allowed) if problem["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{where}: layer {number} ({kind}): {key}: {problem['msg']}"
            f" (found {problem['input']!r}){hint}"
        ) from None


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
                    f"needs flat features, found {_show(shape)}; put 'flatten' before it"
                )
            return (units,)
        case Conv() | MaxPool() | AvgPool() | GlobalAvgPool():
            if len(shape) != 3:
                raise ConfigError(f"needs a map (height x width x channels), found {_show(shape)}")
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
        raise ConfigError(f"a window of {kernel} does not fit into {_show(shape)}")
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
                    f"layer {number} (residual): its layers give {_show(output)}, "
                    f"its shortcut {_show(other)}; they are added and must agree"
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


def _check_order(network: Network) -> None:
    """Refuses layer lists that no engine could train, by layer number."""
    placed = network.placed()
    if not placed:
        raise ConfigError("layers: empty")
    if placed[-1].layer.kind != "batch_norm" and placed[-1].layer.kind != "dense":
        raise ConfigError(
            f"layer {placed[-1].number} ({placed[-1].layer.kind}): the last layer gives the logits: "
            f"batch_norm, or a dense layer with real weights"
        )
    if len(placed[-1].output) != 1:
        raise ConfigError(
            f"layer {placed[-1].number} ({placed[-1].layer.kind}): the logits must be flat, "
            f"found {_show(placed[-1].output)}"
        )
    _check_binary(network.layers, "image", "")


def _check_binary(layers: tuple[Any, ...], carries: str, prefix: str) -> str:
    """Follows what flows (image, product, real or binary values) and returns what comes out."""
    for index, layer in enumerate(layers, 1):
        here = f"layer {prefix}{index} ({layer.kind})"
        match layer:
            case Dense(weights="binary") | Conv(weights="binary"):
                if carries not in ("image", "binary"):
                    raise ConfigError(
                        f"{here}: binary weights take the image or binary values, found {carries} "
                        f"values; put 'sign' before it"
                    )
                carries = "product"
            case Dense() | Conv():
                carries = "product"
            case BatchNorm():
                carries = "real"
            case Sign():
                if carries == "product":
                    raise ConfigError(
                        f"{here}: follows a product directly; put 'batch_norm' before it"
                    )
                carries = "binary"
            case Residual():
                _check_binary(layer.layers, carries, f"{prefix}{index}.")
                _check_binary(layer.shortcut, carries, f"{prefix}{index}.s")
                carries = "real"
            case AvgPool() | GlobalAvgPool():
                carries = "real" if carries != "image" else carries
    return carries


def _show(shape: Shape) -> str:
    return "x".join(str(size) for size in shape)
