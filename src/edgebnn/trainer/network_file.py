"""A trained network's file, as `edgebnn-train --export` writes it (docs/formats.md, "Trained network")."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from edgebnn.errors import ConfigError
from edgebnn.study.network import BatchNorm, Conv, Dense, Flatten, MaxPool, Network, Placed, Sign

MAGIC = b"EDGEBNNN"
VERSIONS = (1, 2)
"""The first has no statistics."""
HEADER = struct.Struct("<8s6I")
"""magic, version, height, width, channels, classes, layers."""
LAYER_BYTES = 40
CRC_BYTES = 4

Map = tuple[int, int, int]
"""(height, width, channels)."""


@dataclass(frozen=True)
class TrainedBlock:
    """A weighted layer with its batch norm, its sign and the pools around them.

    A dense layer's window is all of its input.
    """

    layer: Conv | Dense
    pads: tuple[int, int, int, int]
    """Rows above, columns to the left, rows below, columns to the right of the map: zeros."""
    weights: NDArray[np.int8]
    """+1 and -1, [units, window height, window width, channels]."""
    thresholds: NDArray[np.int32] | None
    """[units]: the sign is +1 where the product is at least that. None in the last block."""
    norms: NDArray[np.float32] | None
    """[units, 3]: mu, r, beta of the logits `(Y - mu)·r + beta`. Of the last block alone."""
    pool_before: MaxPool | None
    """Between product and sign (or logits)."""
    pool_after: MaxPool | None
    """Behind the sign."""


@dataclass(frozen=True)
class TrainedNetwork:
    """What a network file holds."""

    input: Map
    classes: int
    blocks: tuple[TrainedBlock, ...]
    statistics: tuple[NDArray[np.float32], ...]
    """[3, units] of each block: moving mu, moving psi, beta. None of a file of version 1."""


def read_network(path: Path) -> TrainedNetwork:
    """Reads and checks all of a network file.

    Raises:
        ConfigError: naming the file: not there, not a network, cut short, damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) < HEADER.size + CRC_BYTES:
        raise ConfigError(
            f"{path}: cut short: {len(content)} bytes, the header alone has {HEADER.size}"
        )
    magic, version, height, width, channels, classes, layers = HEADER.unpack_from(content)
    if magic != MAGIC:
        raise ConfigError(f"{path}: not a trained network: begins with {magic!r}, not {MAGIC!r}")
    if version not in VERSIONS:
        raise ConfigError(f"{path}: version {version}; this edgebnn reads versions 1 and 2")
    if struct.unpack("<I", content[-CRC_BYTES:])[0] != zlib.crc32(content[:-CRC_BYTES]):
        raise ConfigError(f"{path}: damaged or cut short: its checksum does not match")
    at = HEADER.size + layers * LAYER_BYTES
    if at + CRC_BYTES > len(content):
        raise ConfigError(f"{path}: {layers} layers do not fit into it")
    lines = [content[i : i + LAYER_BYTES] for i in range(HEADER.size, at, LAYER_BYTES)]
    placed = _placed((height, width, channels), lines, path)
    body = _Body(content[at:-CRC_BYTES], path)
    blocks = body.blocks((height, width, channels), placed)
    statistics = body.statistics(blocks) if version > 1 else ()
    body.check_end()
    if len(blocks[-1].weights) != classes:
        raise ConfigError(
            f"{path}: {classes} classes, but its layers give {len(blocks[-1].weights)}"
        )
    return TrainedNetwork((height, width, channels), classes, blocks, statistics)


def _placed(shape: Map, lines: list[bytes], path: Path) -> list[Placed]:
    """The layers with their shapes."""
    try:
        layers = tuple(_layer(line, number) for number, line in enumerate(lines, 1))
        return Network(input=shape, layers=layers).placed()
    except ValidationError as error:
        raise ConfigError(f"{path}: {error.errors()[0]['msg']}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _layer(line: bytes, number: int) -> Any:
    """A layer's line, as in a run file."""
    text = line.rstrip(b"\0").decode("ascii", "replace")
    match text.split(" "):
        case ["flatten"]:
            return Flatten()
        case ["batch_norm"]:
            return BatchNorm()
        case ["sign"]:
            return Sign()
        case ["dense", units] if units.isdecimal():
            return Dense(units=int(units))
        case ["max_pool", size] if size.isdecimal():
            return MaxPool(size=int(size))
        case ["conv", filters, kernel, stride, ("same" | "valid") as padding] if (
            filters + kernel + stride
        ).isdecimal():
            sizes = {"filters": int(filters), "kernel": int(kernel), "stride": int(stride)}
            return Conv(**sizes, padding=padding)
    raise ConfigError(f"layer {number}: found {text!r}, which this edgebnn does not know")


class _Body:
    """What stands behind the layers, read from beginning to end."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.content, self.path, self.at = content, path, 0

    def blocks(self, shape: Map, placed: list[Placed]) -> tuple[TrainedBlock, ...]:
        products = [i for i, place in enumerate(placed) if isinstance(place.layer, Conv | Dense)]
        if not products:
            raise ConfigError(f"{self.path}: no layer with weights")
        blocks: list[TrainedBlock] = []
        for first, end in zip(products, [*products[1:], len(placed)], strict=True):
            layer, behind = placed[first].layer, [place.layer for place in placed[first + 1 : end]]
            signed = next((i for i, a in enumerate(behind) if isinstance(a, Sign)), len(behind))
            pools = [
                next((a for a in part if isinstance(a, MaxPool)), None)
                for part in (behind[:signed], behind[signed:])
            ]
            shape, block = self._block(layer, shape, not blocks, end == len(placed), pools)
            blocks.append(block)
        return tuple(blocks)

    def statistics(self, blocks: tuple[TrainedBlock, ...]) -> tuple[NDArray[np.float32], ...]:
        sizes = [len(block.weights) for block in blocks]
        return tuple(self._take(units * 12, np.dtype("<f4")).reshape(3, units) for units in sizes)

    def check_end(self) -> None:
        if self.at != len(self.content):
            raise ConfigError(f"{self.path}: holds more than its layers need")

    def _block(
        self, layer: Conv | Dense, shape: Map, first: bool, last: bool, pools: list[MaxPool | None]
    ) -> tuple[Map, TrainedBlock]:
        """The block and its output's shape."""
        height, width, channels = shape
        if isinstance(layer, Dense):
            units, window, sizes, pads = layer.units, (height, width), (1, 1), (0, 0, 0, 0)
        else:
            units, window = layer.filters, (layer.kernel, layer.kernel)
            (rows, above, below), (columns, left, right) = (_axis(n, layer) for n in shape[:2])
            sizes, pads = (rows, columns), (above, left, below, right)
        taps = window[0] * window[1]
        groups, per_group = (1, taps * channels) if first else (taps, channels)
        words = groups * -(-per_group // 64)
        packed = self._take(units * words * 8, np.dtype("<u1")).reshape(units, -1)
        bits = np.unpackbits(packed, axis=1, bitorder="little").reshape(units, groups, -1)
        weights = bits[:, :, :per_group].reshape(units, *window, channels).astype(np.int8) * 2 - 1
        thresholds = norms = None
        if last:
            norms = self._take(units * 12, np.dtype("<f4")).reshape(units, 3)
        else:
            thresholds = self._take(-(-units // 2) * 8, np.dtype("<i4"))[:units]
        for pool in pools:
            if pool is not None:
                sizes = (sizes[0] // pool.size, sizes[1] // pool.size)
        block = TrainedBlock(layer, pads, weights, thresholds, norms, *pools)
        return (*sizes, units), block

    def _take(self, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        end = self.at + size
        if end > len(self.content):
            raise ConfigError(f"{self.path}: holds less than its layers need")
        found = np.frombuffer(self.content, dtype, size // dtype.itemsize, self.at)
        self.at = end
        return found


def _axis(size: int, layer: Conv) -> tuple[int, int, int]:
    """Output positions along an axis, and zeros before and behind it (docs/numerics.md)."""
    if layer.padding == "valid":
        return (size - layer.kernel) // layer.stride + 1, 0, 0
    positions = -(-size // layer.stride)
    total = max((positions - 1) * layer.stride + layer.kernel - size, 0)
    return positions, total // 2, total - total // 2
