"""Which networks the C++ trainer trains; the emulation trains all. And the batch that each of them needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.study.network import BatchNorm, MaxPool

if TYPE_CHECKING:
    from edgebnn.study.network import Network, Placed

RULE = "binary dense and conv layers are, and 2x2 max_pool behind a conv or a sign"


def untrained_layer(network: Network) -> Placed | None:
    """The first layer that the trainer does not train; None if it trains the network."""
    pooled = {"conv", "sign"}  # what a max_pool may stand behind
    previous = ""
    for placed in network.placed():
        if "." in placed.number:  # inside a residual block, which is refused as a whole
            continue
        layer = placed.layer
        trained = layer.kind in ("flatten", "batch_norm", "sign") or (
            getattr(layer, "weights", "") == "binary"
        )
        if isinstance(layer, MaxPool):
            window = (layer.size, layer.stride, layer.padding)
            trained = window == (2, 2, "valid") and previous in pooled
        if not trained:
            return placed
        previous = layer.kind
    return None


def check_batch_norms(network: Network, batch_size: int, where: str) -> None:
    """Refuses a batch norm over a single value: it is its own mean, so that nothing is left of it.

    All outputs are then beta, whatever the image, and no weight before it has a gradient. A
    convolution's batch norm has all positions of an image to average over.

    Raises:
        ConfigError: naming the layer, and the batch that is needed.
    """
    for placed in network.placed():
        if isinstance(placed.layer, BatchNorm) and batch_size * math.prod(placed.output[:-1]) < 2:
            raise ConfigError(
                f"{where}: batch_size 1: layer {placed.number} (batch_norm) averages over the batch, and of "
                f"one value nothing is left but its shift: nothing is learned; needed are 2 or more"
            )
