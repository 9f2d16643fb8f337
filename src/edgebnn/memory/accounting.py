"""The paper's memory model: what training keeps, variable by variable, in its own accounting.

With SumX the elements per sample entering all weighted layers (image included), T the largest map
per sample, P the inputs of the max pools per sample, W weights, C batch-norm channels, B the batch
and n momenta per weight (Wang et al. 2021, tables 2 to 4):

    standard  4B(SumX + 2T + P) + 4W(2 + n) + 16C                        bytes
    proposed   B(SumX/8 + 4T + P/8) + W(2 + 1/8 + 2n) + 8C               bytes

Here each variable's width follows its switch, so that these two are two cases of one formula. The
accounting stays the paper's under any switches: it has no bit for the straight-through estimator,
counts a max pool's winners as one bit per input however they are stored, and keeps literal Adam's
second moment. What the trainer really allocates is its own plan: arena.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebnn.study.network import BatchNorm, Conv, Dense, MaxPool, Network
from edgebnn.study.optimizer_config import Optimizer, optimizer_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from edgebnn.study.switches import Switches

MIB = 2**20

BITS = {"f32": 32, "f16": 16, "q15": 16, "i16": 16, "i8": 8, "i6": 8, "i4": 4, "bool": 1}
"""Bits of one element in memory (i6 gradients take a byte)."""

MOMENTA = {"adam": 2, "sgd": 1, "bop": 1}
"""Averages per weight. Bop (Helwegen et al. 2019) has one, and 1-bit weights: their signs."""


@dataclass(frozen=True)
class Counts:
    """Elements that the formula needs; maps per sample."""

    sum_x: int
    """Elements entering weighted layers that are trained, image included."""
    sum_x_real: int
    """The part of sum_x that enters layers with real weights, which need it unbinarised."""
    largest_map: int
    """T: elements of the largest map, image included."""
    pool_inputs: int
    """P: elements entering max pools that backward comes through."""
    pooled_conv_inputs: int
    """Elements entering the convolutions that stand before max pools (see `AS_PRINTED_FOR_CNV`)."""
    weights: int
    """That are trained."""
    weights_real: int
    """The part of them that is not binarised."""
    frozen: int
    """Binary weights that are not trained."""
    frozen_real: int
    channels: int
    """C: channels of all batch norms."""
    channels_trained: int


@dataclass(frozen=True)
class Accounting:
    """Choices that the formula leaves open."""

    name: str
    masks_at: str = "pool_inputs"
    """Which of `Counts` a pool's mask has the size of."""
    binary_masks: bool = True
    """False: masks of one bit an element are left out."""


PAPER = Accounting("paper")
AS_PRINTED_FOR_CNV = Accounting(
    "as printed for CNV", masks_at="pooled_conv_inputs", binary_masks=False
)
"""The rule behind the paper's 4.17x for CNV: float masks are counted at the inputs of the
convolutions before each pool, binary ones not at all."""


@dataclass(frozen=True)
class Variable:
    """A row of the memory table: a variable, its storage type and its size."""

    name: str
    type: str
    bytes: float
    transient: bool = False
    """True if it lives within one layer's step only."""

    @property
    def mib(self) -> float:
        """Size in MiB."""
        return self.bytes / MIB


def count(network: Network, freeze: Collection[int] = ()) -> Counts:
    """The counts of a network; layers inside residual blocks and their shortcuts included.

    Args:
        freeze: numbers of layers that are not trained (Network.frozen).
    """
    n: Counter[str] = Counter()
    frozen = network.frozen(freeze)
    conv_input, returns = 0, False  # returns: whether backward comes to where we are
    largest = _size(network.input)
    for placed in network.placed():
        elements = _size(placed.input)
        largest = max(largest, _size(placed.output))
        trained = int(placed.number.split(".")[0]) not in frozen
        match placed.layer:
            case Dense(weights=kind) | Conv(weights=kind):
                returns |= trained
                of = "_real" if kind == "real" else "_binary"
                n[f"weights{of}" if trained else f"frozen{of}"] += placed.weights
                n[f"x{of}"] += elements * trained
                if isinstance(placed.layer, Conv):
                    conv_input = elements
            case MaxPool() if returns:
                n["pool_inputs"] += elements
                n["pooled"] += conv_input
            case BatchNorm():
                n["channels"] += placed.output[-1]
                n["channels_trained"] += placed.output[-1] * trained
    return Counts(
        sum_x=n["x_binary"] + n["x_real"],
        sum_x_real=n["x_real"],
        largest_map=largest,
        pool_inputs=n["pool_inputs"],
        pooled_conv_inputs=n["pooled"],
        weights=n["weights_binary"] + n["weights_real"],
        weights_real=n["weights_real"],
        frozen=n["frozen_binary"],
        frozen_real=n["frozen_real"],
        channels=n["channels"],
        channels_trained=n["channels_trained"],
    )


def memory_table(
    network: Network,
    batch_size: int,
    optimizer: str,
    switches: Switches,
    *,
    accounting: Accounting = PAPER,
    freeze: Collection[int] = (),
) -> list[Variable]:
    """The paper's table of variables for any switches.

    What no switch names is real, f32 where weights are f32, else f16: per-channel values, the masks
    of pools and dW where they are not binary, and what layers with real weights keep.

    Args:
        network: shapes and layers.
        batch_size: B.
        optimizer: adam, sgd or bop, as asked for (`optimizer_of`).
        switches: the method.
        accounting: choices that the formula leaves open.
        freeze: numbers of layers that are not trained: one bit a weight, without gradients and momenta.

    Raises:
        ConfigError: the optimiser does not suit the method.
    """
    optimizer = optimizer_of(Optimizer(kind=optimizer), switches).kind
    n = count(network, freeze)
    real = "f32" if switches.weight_dtype == "f32" else "f16"

    def variable(name: str, elements: float, kind: str, transient: bool = False) -> Variable:
        return Variable(name, kind, elements * BITS[kind] / 8, transient)

    masks = getattr(n, accounting.masks_at)
    mask_type = real if switches.pool_mask == "f32" else "bool"
    gradient = real if switches.weight_gradient == "f32" else "bool"
    if mask_type == "bool" and not accounting.binary_masks:
        masks = 0
    binary_weights = n.weights - n.weights_real
    latent = "bool" if optimizer == "bop" else switches.weight_dtype
    rows = [
        variable("X", batch_size * (n.sum_x - n.sum_x_real), switches.activations),
        variable("X of real layers", batch_size * n.sum_x_real, real),
        variable("dX, Y (shared)", batch_size * n.largest_map, switches.gradient_dtype, True),
        variable("mu, psi", 2 * n.channels, real),
        variable("dY", batch_size * n.largest_map, switches.gradient_dtype, True),
        variable("W", binary_weights, latent),
        variable("W of real layers", n.weights_real, switches.weight_dtype),
        variable("W of frozen layers", n.frozen, "bool"),
        variable("W of frozen real layers", n.frozen_real, switches.weight_dtype),
        variable("dW", binary_weights, gradient),
        variable("dW of real layers", n.weights_real, real),
        variable("beta, dbeta", n.channels + n.channels_trained, real),
        variable("momenta", MOMENTA[optimizer] * n.weights, switches.momentum_dtype),
        variable("pool masks", batch_size * masks, mask_type),
    ]
    optional = ("of real layers", "of frozen layers", "of frozen real layers", "pool masks")
    return [row for row in rows if row.bytes or not row.name.endswith(optional)]


def total_mib(table: list[Variable]) -> float:
    """Sum of a memory table in MiB."""
    return sum(row.bytes for row in table) / MIB


def _size(shape: tuple[int, ...]) -> int:
    elements = 1
    for extent in shape:
        elements *= extent
    return elements
