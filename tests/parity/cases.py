"""The runs that all engines must agree on, and their data."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.config import Optimizer
from edgebnn.datasets import Packed, Split, prepare
from edgebnn.network import parse_network
from edgebnn.plan import Run
from edgebnn.switches import PRESETS, Switches

STEPS = 10
NOT_YET: dict[str, set[object]] = {
    "gradient_dtype": {"i16", "i8", "i6"},
    "momentum_dtype": {"i8", "i4"},
    "weight_dtype": {"i8"},
    "optimizer": {"bop"},
    "threads": {3},
}
"""What this version's trainer refuses; a value that it accepts must be taken out."""
MNIST = Path(os.environ.get("EDGEBNN_DATA_DIR") or Path(__file__).parents[3] / "shared/datasets")


@dataclass(frozen=True)
class Case:
    """A run: a preset, with some switches set otherwise, of an MLP on one of DATA."""

    preset: str
    data: str = "odd"
    hidden: tuple[int, ...] = (33, 65)
    batch_size: int = 13
    optimizer: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, str] = field(default_factory=dict)
    seed: int = 5

    def __str__(self) -> str:
        changed = [f"{name}={value}" for name, value in self.switches.items()]
        optimizer = self.optimizer.get("kind", "adam")
        return "-".join([self.data, self.preset, optimizer, *changed, f"b{self.batch_size}"])

    @property
    def widths(self) -> list[int]:
        """Inputs, then the units of each dense layer."""
        height, width, channels, classes = SHAPES[self.data]
        return [height * width * channels, *self.hidden, classes]

    @property
    def run(self) -> Run:
        layers: list[Any] = ["flatten"]
        for units in self.hidden:
            layers += [{"dense": units}, "batch_norm", "sign"]
        layers += [{"dense": self.widths[-1]}, "batch_norm"]
        network = parse_network({"input": list(SHAPES[self.data][:3]), "layers": layers}, "case")
        return Run(
            stage="device",
            dataset=self.data,
            model="mlp",
            network=network,
            switches=Switches(**{**PRESETS[self.preset].model_dump(), **self.switches}),
            optimizer=Optimizer(**self.optimizer),
            batch_size=self.batch_size,
            epochs=1,
            seed=self.seed,
        )

    def not_yet(self, threads: int) -> list[str]:
        """What of this case the trainer does not do yet."""
        run = self.run
        wanted = {**run.switches.model_dump(), "optimizer": run.optimizer.kind, "threads": threads}
        return [name for name, values in NOT_YET.items() if wanted[name] in values]

    @property
    def weights_atol(self) -> float:
        """Narrow weights agree to the bit; float32 ones as their real gradients do."""
        run = self.run
        exact = run.switches.weight_dtype != "f32" or run.optimizer.kind == "bop"
        return 0 if exact else 1e-6


def _odd() -> Packed:
    """Random 5x7x3 images, ten classes: no size is a multiple of 8; two pixels never change."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 220).astype(np.uint8)
    prototypes = rng.integers(0, 128, (10, 5, 7, 3))
    images = (prototypes[labels] + rng.integers(0, 128, (220, 5, 7, 3))).astype(np.uint8)
    images[:, 0, :2, 0] = 0, 255
    return _packed(10, images, labels)


def _digits() -> Packed:
    return prepare("digits", None, Path())


def _mnist() -> Packed:
    with np.load(MNIST / "mnist.npz") as archive:
        return _packed(10, archive["x_train"][:1100, ..., None], archive["y_train"][:1100])


def _packed(classes: int, images: Any, labels: Any) -> Packed:
    cuts = (slice(0, -20), slice(-20, -10), slice(-10, None))
    return Packed(classes, *(Split(images[cut], labels[cut]) for cut in cuts))


DATA = {"odd": _odd, "digits": _digits, "mnist": _mnist}
SHAPES = {"odd": (5, 7, 3, 10), "digits": (8, 8, 1, 10), "mnist": (28, 28, 1, 10)}

PRESET_CASES = [Case(preset) for preset in PRESETS]
DIGITS_CASES = [Case(preset, "digits", (128, 64), 50, seed=0) for preset in PRESETS]
SWITCH_CASES = [
    *(Case("proposed", switches={"gradient_dtype": g}) for g in ("f32", "i16", "i8", "i6")),
    *(Case("proposed", switches={"momentum_dtype": m}) for m in ("f32", "f16", "i8", "i4")),
    *(Case("proposed", switches={"weight_dtype": w}) for w in ("f32", "f16", "i8")),
    Case("proposed", switches={"weight_gradient": "f32"}),
    Case("proposed", switches={"ste": "identity"}),
    Case("standard", switches={"batch_norm": "l1"}),
    Case("standard", switches={"batch_norm": "bnn", "activations": "bool"}),
    Case("standard", switches={"weight_gradient": "bool"}),
    Case("standard", switches={"gradient_dtype": "f16"}),
]
OPTIMIZER_CASES = [
    *(Case("standard", optimizer={"kind": kind, "tau": 1e-5}) for kind in ("sgd", "bop")),
    *(Case("proposed", optimizer={"kind": kind, "tau": 3e-4}) for kind in ("sgd", "bop")),
    Case("proposed", optimizer={"kind": "sgd"}, switches={"momentum_dtype": "f32"}),
]
MNIST_CASES = [
    pytest.param(
        Case(preset, "mnist", (256, 256, 256, 256), 100, seed=1),
        marks=pytest.mark.skipif(
            not (MNIST / "mnist.npz").exists(), reason="no mnist.npz in EDGEBNN_DATA_DIR"
        ),
        id=f"mnist-{preset}",
    )
    for preset in PRESETS
]
CASES = PRESET_CASES + DIGITS_CASES + SWITCH_CASES + OPTIMIZER_CASES
