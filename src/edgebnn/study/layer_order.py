"""What may follow what in a layer list: products take bits, signs take what a batch norm gives."""

from __future__ import annotations

from typing import Any

from edgebnn.errors import ConfigError
from edgebnn.study.network import (
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    GlobalAvgPool,
    Network,
    Residual,
    Sign,
    show_shape,
)


def check_order(network: Network) -> None:
    """Refuses layer lists that no engine could train.

    Raises:
        ConfigError: names the layer's number, and what it needs.
    """
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
            f"found {show_shape(placed[-1].output)}"
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
