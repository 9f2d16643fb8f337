"""The network as the trainer sees it: a chain of blocks, each a product, its batch norm and its pool.

The same as rpi/src/network.h, of networks that the trainer trains (trainable.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebnn.study.network import Conv, Dense, MaxPool

if TYPE_CHECKING:
    from edgebnn.study.network import Network


@dataclass(frozen=True)
class Map:
    """Shape of a map; flat features are one position."""

    height: int
    width: int
    channels: int

    @property
    def positions(self) -> int:
        """Height x width."""
        return self.height * self.width

    @property
    def size(self) -> int:
        """Elements."""
        return self.positions * self.channels


@dataclass
class Block:
    """product -> [max-pool] -> batch norm -> sign -> [max-pool]; a dense layer's window is its whole input.

    The last block ends in its batch norm.
    """

    name: str
    first: bool
    input: Map
    product: Map
    taps: int
    padded: bool
    normed: Map
    out: Map
    pool_before: bool = False
    pool_after: bool = False
    last: bool = False

    @property
    def units(self) -> int:
        """Channels of the product."""
        return self.product.channels

    @property
    def fan_in(self) -> int:
        """Inputs of a unit."""
        return self.taps * self.input.channels

    @property
    def words(self) -> int:
        """Words of 64 that a row of inputs is packed into: each tap begins with a word."""
        if self.first:
            return words_for(self.fan_in)
        return self.taps * words_for(self.input.channels)


def blocks_of(network: Network) -> list[Block]:
    """The blocks of a network that the trainer trains, in order."""
    blocks: list[Block] = []
    shape = Map(*network.input)
    for number, layer in enumerate(network.layers, 1):
        match layer:
            case Dense():
                product, taps, padded = Map(1, 1, layer.units), shape.positions, False
            case Conv():
                height, width, reach = shape.height, shape.width, layer.kernel - 1
                if layer.padding == "same":
                    height, width = height + reach, width + reach
                product = Map(
                    (height - layer.kernel) // layer.stride + 1,
                    (width - layer.kernel) // layer.stride + 1,
                    layer.filters,
                )
                taps = layer.kernel**2
                padded = any(
                    (count - 1) * layer.stride + layer.kernel > size
                    for count, size in (
                        (product.height, shape.height),
                        (product.width, shape.width),
                    )
                )
            case MaxPool():
                shape = Map(shape.height // 2, shape.width // 2, shape.channels)
                block = blocks[-1]
                block.out = shape
                if isinstance(network.layers[number - 2], Conv):
                    block.normed, block.pool_before = shape, True
                else:
                    block.pool_after = True
                continue
            case _:
                continue
        name = f"layer {number} ({layer.kind})"
        blocks.append(Block(name, not blocks, shape, product, taps, padded, product, product))
        shape = product
    blocks[-1].last = True
    return blocks


def words_for(bits: int) -> int:
    """Words of 64 bits."""
    return -(-bits // 64)
