"""What the papers print: reference figures, never results of ours.

Source of everything here: Wang et al., "Enabling Binary Neural Network Training on the Edge",
EMDL 2021, doi 10.1145/3469116.3470015; extended: ACM TECS 2023, doi 10.1145/3626100.
The report sets ours beside them; nothing computes with them but ratios and differences.
"""

from __future__ import annotations

from dataclasses import dataclass

CITATION = (
    "Wang et al., Enabling Binary Neural Network Training on the Edge, EMDL 2021, "
    "doi 10.1145/3469116.3470015 (extended: ACM TECS 2023, doi 10.1145/3626100)"
)


@dataclass(frozen=True)
class Accuracy:
    """A row of the paper's accuracy table (its proposed method, Adam).

    `top1` is the test accuracy in percent, `saving` the modelled memory of standard / proposed.
    """

    dataset: str
    model: str
    batch_size: int
    top1: float
    saving: float


@dataclass(frozen=True)
class Board:
    """A row of the paper's prototype table: time, peak memory and energy of training on a board."""

    board: str
    dataset: str
    model: str
    batch_size: int
    time_per_batch_s: float
    peak_memory_mib: float
    energy_per_batch_j: float
    against_keras: str


@dataclass(frozen=True)
class Memory:
    """Modelled memory, MiB, that the paper prints; None where it prints the factor alone."""

    model: str
    input: tuple[int, int, int]
    batch_size: int
    optimizer: str
    saving: float
    standard_mib: float | None = None
    proposed_mib: float | None = None
    about: bool = False
    """True where the totals are known to one digit only."""
    note: str = ""
    """The named difference between these figures and the formula's."""


ACCURACY = (
    Accuracy("mnist", "mlp", 100, 96.90, 2.78),
    Accuracy("cifar10", "cnv", 100, 83.08, 4.17),
    Accuracy("svhn", "cnv", 100, 94.28, 4.17),
    Accuracy("cifar10", "binarynet", 100, 89.90, 3.71),
    Accuracy("svhn", "binarynet", 100, 95.93, 3.71),
    Accuracy("imagenet", "resnete18", 4096, 57.04, 3.78),
    Accuracy("imagenet", "bireal18", 4096, 54.45, 3.78),
)

BOARDS = (
    Board("rpi3b+", "mnist", "mlp", 200, 0.98, 5.00, 1.42, "52x below Keras"),
    Board("rpi3b+", "cifar10", "binarynet", 40, 121.20, 154.37, 136.53, "Keras does not fit"),
)

_RESIDUAL = (
    "the paper does not give its count of the residual network; ours follows from the layer list, "
    "real layers kept real"
)

MEMORY = (
    Memory("mlp", (28, 28, 1), 100, "adam", 2.78),
    Memory("cnv", (32, 32, 3), 100, "adam", 4.17, 134.05, 32.16, note="not explained by the paper"),
    Memory(
        "binarynet",
        (32, 32, 3),
        100,
        "adam",
        3.71,
        512.81,
        138.15,
        note="the standard pool masks: the paper prints 87.46, the formula gives 87.50",
    ),
    Memory(
        "resnete18",
        (224, 224, 3),
        4096,
        "adam",
        3.78,
        70.1 * 1024,
        18.5 * 1024,
        about=True,
        note=_RESIDUAL,
    ),
    Memory(
        "bireal18",
        (224, 224, 3),
        4096,
        "adam",
        3.78,
        70.1 * 1024,
        18.5 * 1024,
        about=True,
        note=_RESIDUAL,
    ),
)
"""Adam has two momenta per weight in the paper's accounting."""

DATASET_TITLES = {
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "svhn": "SVHN",
    "imagenet": "ImageNet",
    "digits": "Digits (UCI)",
}
MODEL_TITLES = {
    "mlp": "MLP",
    "cnv": "CNV",
    "binarynet": "BinaryNet",
    "resnete18": "ResNetE-18",
    "bireal18": "Bi-Real-18",
}
BOARD_TITLES = {"rpi3b+": "Raspberry Pi 3B+"}


def published_memory(model: str, batch_size: int, optimizer: str) -> Memory | None:
    """What the paper prints for this case, or None."""
    case = (model, batch_size, optimizer)
    return next((m for m in MEMORY if (m.model, m.batch_size, m.optimizer) == case), None)
