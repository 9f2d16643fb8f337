"""The trainer's own memory plan, modelled: every buffer of its arena and where it lies, byte for byte.

The C++ trainer declares each buffer with its size and its life, the phases of a step in which it
holds something, and buffers whose lives are disjoint share memory (rpi/src/arena.h). This is that
plan made anew from the network, the batch, the optimiser, the switches and the threads: `_Planner`
has the methods of rpi/src/plan.cc in its order and by its names, `place` is rpi/src/arena.cc. A
change there is the same change here; tests/trainer/test_arena.py compares the two.

Phases of a network of n blocks (a product, its batch norm and what stands around them): 0..n-1
forward, n the loss, then for each block, last first, its norm and dW, and its dX.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.memory.blocks import Block, blocks_of, words_for
from edgebnn.study.trainable import RULE, untrained_layer

if TYPE_CHECKING:
    from edgebnn.study.network import Network
    from edgebnn.study.switches import Switches

ALIGN = 64
SCRATCH = 32 * 1024
ROWS_AT_ONCE = 128
FEW_ROWS = 8
TILE_WORDS, UNITS_AT_ONCE = 8, 64
CHANNEL_GRAIN = 16
UNITS_TOGETHER = 8

_BITS = {"f32": 32, "f16": 16, "q15": 16, "i16": 16, "i8": 8, "i6": 8, "i4": 4, "bit": 1, "i32": 32}
_SHARES_EXPONENTS = ("i16", "i8", "i6")

Life = tuple[int, int]
"""First and last phase."""


@dataclass(frozen=True)
class Buffer:
    """A buffer of the arena; `type` is that of its elements, `offset` and `bytes` are bytes."""

    name: str
    type: str
    life: Life
    bytes: int
    offset: int = 0


@dataclass(frozen=True)
class Arena:
    """All buffers in the order of their declaration, and the arena's bytes."""

    buffers: tuple[Buffer, ...]
    bytes: int


def plan_arena(
    network: Network, batch_size: int, optimizer: str, switches: Switches, threads: int = 1
) -> Arena:
    """The arena that `edgebnn-train --plan` shows.

    Args:
        network: shapes and layers, on the data set's input.
        batch_size: samples in a batch.
        optimizer: adam, sgd or bop.
        switches: the method.
        threads: as in the trainer's `--threads`; a job on a device has one.

    Raises:
        ConfigError: the trainer does not train such a network; the layer is named.
    """
    if untrained := untrained_layer(network):
        raise ConfigError(
            f"layer {untrained.number} ({untrained.layer.kind}): not yet trained by this version "
            f"({RULE}), so that there is no plan of the trainer's memory"
        )
    return place(_Planner(blocks_of(network), batch_size, optimizer, switches, threads).buffers)


def place(buffers: list[Buffer]) -> Arena:
    """Gives each buffer an offset: largest first, each at the lowest place where it fits.

    Buffers whose lives overlap do not overlap in memory.
    """
    order = sorted(range(len(buffers)), key=lambda index: -buffers[index].bytes)
    placed: list[Buffer] = []  # ordered by offset
    found = list(buffers)
    for index in order:
        buffer = buffers[index]
        offset = 0
        for other in placed:
            if buffer.life[0] > other.life[1] or other.life[0] > buffer.life[1]:
                continue
            if offset + buffer.bytes <= other.offset:
                break
            offset = max(offset, _rounded_up(other.offset + other.bytes, ALIGN))
        found[index] = replace(buffer, offset=offset)
        placed.insert(bisect_left(placed, offset, key=lambda other: other.offset), found[index])
    return Arena(tuple(found), max((b.offset + b.bytes for b in found), default=0))


class _Planner:
    """rpi/src/plan.cc, method by method."""

    def __init__(
        self,
        blocks: list[Block],
        batch: int,
        optimizer: str,
        switches: Switches,
        threads: int,
    ) -> None:
        self.buffers: list[Buffer] = []
        self._blocks, self._count = blocks, len(blocks)
        self._batch, self._optimizer, self._switches = batch, optimizer, switches
        self._threads = threads
        shared = switches.gradient_dtype in _SHARES_EXPONENTS
        self._gradient, self._gradient_bytes = ("i16", 2) if shared else ("f32", 4)
        self._sum, self._sum_bytes = ("i32", 4) if shared else ("f64", 8)
        self._always = (0, self._weights(0))
        self._name = ""
        self._add_shared()
        for l, block in enumerate(blocks):  # noqa: E741 - as in docs/numerics.md
            self._name = f"{block.name}: "
            self._add_persistent(block)
            self._add_kept(block, l)
            self._add_forward(block, l)
            self._add_weight_gradient(block, l)
            if not block.first:
                self._add_input_gradient(block, l)

    def _weights(self, l: int) -> int:  # noqa: E741
        return self._count + 1 + 2 * (self._count - 1 - l)

    def _inputs(self, l: int) -> int:  # noqa: E741
        return self._weights(l) + 1

    def _add(self, name: str, kind: str, size: int, life: Life) -> None:
        self.buffers.append(Buffer(self._name + name, kind, life, size))

    def _scratch(self, name: str, kind: str, size: int, life: Life) -> None:
        self._add(name, kind, _rounded_up(size, 64) * self._threads, life)

    def _sample_bytes(self) -> int:
        gradient = _bytes_for(self._switches.gradient_dtype, 1)
        size = max(block.product.size for block in self._blocks) * gradient
        products = [
            block.normed.size * (2 if block.fan_in * (255 if block.first else 1) <= 32767 else 4)
            for block in self._blocks
        ]
        kept = [product for product in products if gradient > 1 or product <= size]
        return _rounded_up(max(size, *kept, 0), 64)

    def _add_shared(self) -> None:
        always, count, batch = self._always, self._count, self._batch
        gradients = self._switches.gradient_dtype
        widest = max(block.units for block in self._blocks)
        row = widest * 4
        self._add("images", "u8", batch * self._blocks[0].input.size, always)
        self._add("labels", "i32", batch * 4, (0, count))
        self._add("Y, dX, dY", gradients, batch * self._sample_bytes(), always)
        self._add("logits", "f32", batch * self._blocks[-1].units * 4, (count - 1, count))
        self._add("rows of a map", "f32", 2 * row, always)
        if count > 1 or self._blocks[0].pool_before:
            self._scratch("row of a thread", "f32", row, always)
        self._add("sums", "f64", 3 * widest * 8, always)
        if gradients not in _SHARES_EXPONENTS:
            return
        self._add("exponents of dY", "f32", 4 * row, always)
        self._add("largest magnitudes", "i32", self._threads * row, always)
        exponents = 1 if gradients == "i16" else widest
        self._add("exponents of dX", "i8", batch * exponents, always)

    def _add_persistent(self, block: Block) -> None:
        switches, always = self._switches, self._always

        def matrix(name: str, kind: str) -> None:
            stride = _rounded_up(block.units, {"i4": 2, "bit": 8}.get(kind, 1))
            self._add(name, kind, _bytes_for(kind, block.fan_in * stride), always)

        matrix("W", "bit" if self._optimizer == "bop" else switches.weight_dtype)
        matrix("m", switches.momentum_dtype)
        if self._optimizer == "adam" and switches.weight_gradient == "f32":
            matrix("v", "f32")
        rows = ["beta", "m of beta", "v of beta", "moving mu", "moving psi"]
        if self._optimizer == "sgd":
            rows.remove("v of beta")
        for row in rows:
            self._add(row, "f32", block.units * 4, always)

    def _add_kept(self, block: Block, l: int) -> None:  # noqa: E741
        batch, units, positions = self._batch, block.units, block.normed.positions
        to_norm = (l, self._weights(l))
        bits = batch * positions * words_for(units) * 8
        self._add("signs", "bit", bits, to_norm)
        if self._switches.ste == "clip" and not block.last:
            self._add("|X| <= 1", "bit", bits, (l, self._inputs(l + 1)))
        if block.pool_after:
            size = batch * block.out.positions * words_for(units) * 8
            self._add("pooled signs", "bit", size, (l, self._weights(l + 1)))
        if block.pool_before:
            self._add("pool winners", "2 bit", batch * positions * ((units + 3) // 4), to_norm)
        if self._switches.activations == "f32":
            self._add("X", "f32", batch * block.normed.size * 4, to_norm)
        self._add("1/psi", "f32", units * 4, to_norm)
        self._add("omega", "f32", units * 4, to_norm)

    def _add_forward(self, block: Block, l: int) -> None:  # noqa: E741
        life, words, first = (l, l), block.words, block.first
        per_row = 4 if block.pool_before else 1
        channels = _largest_part(block.units, self._threads, CHANNEL_GRAIN)
        row_bytes = words * 128 if first else words * 8
        units = _rounded_up(block.units, CHANNEL_GRAIN if first else UNITS_TOGETHER)
        self._add("packed W", "bit", units * words * 8, life)
        if block.padded and not first:
            self._add("W of a tap", "i32", block.units * block.taps * 4, life)
        most = self._batch * block.normed.positions
        rows = _rows_within(per_row * (row_bytes + channels * 4), most) * per_row
        self._scratch("input rows", "i16" if first else "bit", rows * row_bytes, life)
        self._scratch("products", "i32", rows * _rounded_up(channels, CHANNEL_GRAIN) * 4, life)

    def _add_weight_gradient(self, block: Block, l: int) -> None:  # noqa: E741
        life = (self._weights(l), self._weights(l))
        units = min(block.units, UNITS_AT_ONCE)
        rows = min(ROWS_AT_ONCE, self._batch * block.product.positions)
        lanes = (1 if block.first else min(TILE_WORDS, block.words)) * 64
        size = units * _terms_for(rows) * self._gradient_bytes
        self._scratch("dY of a tile", self._gradient, size, life)
        if block.first:
            self._scratch("input rows of dW", "i16", rows * 128, life)
            self._scratch("dW of a tile", "f64", 64 * units * 8, life)
            return
        self._scratch("input columns", "bit", _terms_for(rows) // 32 * lanes * 4, life)
        self._scratch("dW of a tile", self._sum, units * lanes * self._sum_bytes, life)
        if block.padded:
            self._scratch("border", "f64", block.taps * units * 8, life)

    def _add_input_gradient(self, block: Block, l: int) -> None:  # noqa: E741
        phase = self._inputs(l)
        life = (phase, phase)
        out = block.product.positions
        lanes, terms = block.words * 64, _terms_for(block.units)
        self._add("packed W", "bit", terms // 8 * lanes, (phase - 1, phase))
        enough = -(-FEW_ROWS // out)
        sample = block.input.size * self._sum_bytes
        samples = min(self._batch, max(_rows_within(sample, self._batch), enough))
        rows = samples * out
        row = lanes * self._sum_bytes + terms * self._gradient_bytes
        rows = min(rows, max(_rows_within(row, rows), FEW_ROWS))
        self._scratch("dY rows", self._gradient, rows * terms * self._gradient_bytes, life)
        self._scratch("dX rows", self._sum, rows * lanes * self._sum_bytes, life)
        self._scratch("dX of samples", self._sum, samples * sample, life)


def _bytes_for(kind: str, count: int) -> int:
    return -(-count * _BITS[kind] // 8)


def _rounded_up(count: int, grain: int) -> int:
    return -(-count // grain) * grain


def _terms_for(count: int) -> int:
    return _rounded_up(count, 32)


def _rows_within(bytes_per_row: int, most: int) -> int:
    return min(max(SCRATCH // max(bytes_per_row, 1), 1), max(most, 1))


def _largest_part(count: int, parts: int, grain: int) -> int:
    grains = -(-count // grain)
    return min(count, -(-grains // parts) * grain)
