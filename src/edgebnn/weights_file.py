"""What a training begins from in place of random weights, as both engines read it (docs/formats.md, "Initial weights")."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebnn.errors import ConfigError
from edgebnn.record import atomic_write

MAGIC = b"EDGEBNNW"
VERSION = 1
HEADER = struct.Struct("<8s4I")
"""magic, version, layers with weights, batch norms, zero."""
CRC_BYTES = 4

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Norm:
    """A batch norm: float32 [channels] each."""

    beta: Array
    mu: Array
    """Moving mean."""
    psi: Array
    """Moving deviation, as the batch norm's kind has it."""


@dataclass(frozen=True)
class InitialWeights:
    """Of a network, in the order of its layers, a residual block's before its shortcut's."""

    layers: tuple[Array, ...]
    """Latent (or real) weights of each layer that has some: float32 [fan_in, units]."""
    norms: tuple[Norm, ...]


def write_weights(path: Path, weights: InitialWeights) -> None:
    """Writes a file that takes its name when it is whole; raises InfrastructureError."""
    sizes = [size for layer in weights.layers for size in layer.shape]
    sizes += [len(norm.beta) for norm in weights.norms]
    values = [*weights.layers, *(v for n in weights.norms for v in (n.beta, n.mu, n.psi))]
    parts = [
        HEADER.pack(MAGIC, VERSION, len(weights.layers), len(weights.norms), 0),
        np.asarray(sizes, "<u4").tobytes(),
        *(np.ascontiguousarray(value, "<f4").tobytes() for value in values),
    ]
    checksum = 0
    with atomic_write(path) as file:
        for part in parts:
            checksum = zlib.crc32(part, checksum)
            file.write(part)
        file.write(struct.pack("<I", checksum))


def checksum_of(path: Path) -> str:
    """Eight hexadecimal digits: what a run file calls the weights that it begins from.

    Raises:
        ConfigError: no whole file of initial weights.
    """
    read_weights(path)
    with path.open("rb") as file:
        file.seek(-CRC_BYTES, 2)
        return f"{struct.unpack('<I', file.read())[0]:08x}"


def read_weights(path: Path) -> InitialWeights:
    """Reads and checks all of it.

    Raises:
        ConfigError: naming the file: not there, not initial weights, cut short, damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) < HEADER.size + CRC_BYTES:
        raise ConfigError(f"{path}: cut short: {len(content)} bytes")
    magic, version, layers, norms, _ = HEADER.unpack_from(content)
    if magic != MAGIC:
        raise ConfigError(f"{path}: not initial weights: begins with {magic!r}, not {MAGIC!r}")
    if version != VERSION:
        raise ConfigError(f"{path}: version {version}; this edgebnn reads version {VERSION}")
    if struct.unpack("<I", content[-CRC_BYTES:])[0] != zlib.crc32(content[:-CRC_BYTES]):
        raise ConfigError(f"{path}: damaged or cut short: its checksum does not match")
    at = HEADER.size + 4 * (2 * layers + norms)
    if at + CRC_BYTES > len(content):
        raise ConfigError(f"{path}: {layers} layers and {norms} batch norms do not fit into it")
    sizes = np.frombuffer(content[HEADER.size : at], "<u4").astype(int)
    shapes = [*sizes[: 2 * layers].reshape(-1, 2), *np.repeat(sizes[2 * layers :], 3)]
    values = np.frombuffer(content[at:-CRC_BYTES], "<f4")
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    if len(values) != ends[-1]:
        raise ConfigError(f"{path}: holds {len(values)} numbers, its layers need {ends[-1]}")
    arrays = [
        part.reshape(shape) for part, shape in zip(np.split(values, ends), shapes, strict=False)
    ]
    rows = arrays[layers:]
    return InitialWeights(
        tuple(arrays[:layers]),
        tuple(Norm(*rows[i : i + 3]) for i in range(0, len(rows), 3)),
    )
