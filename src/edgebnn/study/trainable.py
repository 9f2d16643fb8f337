"""Which networks the C++ trainer trains; the emulation trains all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebnn.study.network import MaxPool

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
