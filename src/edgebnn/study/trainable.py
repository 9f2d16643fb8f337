"""Which networks the C++ trainer trains; the emulation trains all. And the batch that each of them needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.study.network import BatchNorm, Conv, Dense, Flatten, MaxPool, Sign

if TYPE_CHECKING:
    from edgebnn.study.network import Network, Placed

RULE = "binary dense and conv layers are, and 2x2 max_pool behind a conv or a sign"


NOT_YET = f"not yet trained by this version ({RULE})"


@dataclass(frozen=True)
class Untrained:
    """A layer that the trainer refuses, and why."""

    placed: Placed
    why: str

    def __str__(self) -> str:
        return f"layer {self.placed.number} ({self.placed.layer.kind}): {self.why}"


def untrained_layer(network: Network) -> Untrained | None:
    """The first layer that the trainer does not train, as rpi/src/network.cc has it; None if it trains all."""
    carries = "image"  # then: product, pooled product, normed, binary, pooled binary
    flattened = False  # whether the map before this layer, of more than one position, is flat
    placed = None
    for placed in network.placed():
        if "." in placed.number:  # inside a residual block, which is refused as a whole
            continue
        match placed.layer:
            case Flatten():
                flattened |= math.prod(placed.input[:-1]) > 1
                continue
            case Dense(weights="binary") | Conv(weights="binary"):
                carries, flattened = "product", False
            case MaxPool(size=2, stride=2, padding="valid") if carries in ("product", "binary"):
                carries = f"pooled {carries}"
            case BatchNorm():
                if carries not in ("product", "pooled product"):
                    return Untrained(placed, "on a device it stands behind a dense or conv layer")
                if flattened:  # one mean a channel there, one a feature in Keras
                    return Untrained(placed, "on a device it stands before the flatten")
                carries = "normed"
            case Sign():
                if carries != "normed":
                    return Untrained(placed, "on a device it stands behind a batch_norm")
                carries = "binary"
            case _:
                return Untrained(placed, NOT_YET)
    if placed and carries != "normed":
        return Untrained(
            placed, "on a device the last layer is a batch_norm, which gives the logits"
        )
    return None


def check_batch_norms(network: Network, images: int, where: str, key: str = "batch_size") -> None:
    """Refuses a batch norm over a single value: it is its own mean, so that nothing is left of it.

    All outputs are then beta, whatever the image, and no weight before it has a gradient. A
    convolution's batch norm has all positions of an image to average over.

    Args:
        images: at once, as `key` says.

    Raises:
        ConfigError: naming the layer, and the batch that is needed.
    """
    for placed in network.placed():
        if isinstance(placed.layer, BatchNorm) and images * math.prod(placed.output[:-1]) < 2:
            raise ConfigError(
                f"{where}: {key} 1: layer {placed.number} (batch_norm) averages over the batch, and of "
                f"one value nothing is left but its shift: nothing is learned; needed are 2 or more"
            )
