"""The runs that all engines must agree on, and their data."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, prepare
from edgebnn.study.config import Augmentation
from edgebnn.study.model_file import parse_network
from edgebnn.study.optimizer_config import Optimizer, optimizer_of
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS, Switches

STEPS = 10
MNIST = Path(os.environ.get("EDGEBNN_DATA_DIR") or Path(__file__).parents[3] / "shared/datasets")


@dataclass(frozen=True)
class Case:
    """A run: a preset, with some switches set otherwise, of a network on one of DATA.

    The network is NETWORKS[model], or an MLP of `hidden` units.
    """

    preset: str
    data: str = "odd"
    hidden: tuple[int, ...] = (33, 65)
    batch_size: int = 13
    optimizer: dict[str, Any] = field(default_factory=dict)
    switches: dict[str, str] = field(default_factory=dict)
    seed: int = 5
    model: str = "mlp"
    augmentation: dict[str, Any] = field(default_factory=dict)
    begun: str = ""
    """How it begins from other weights, if it does: `same classes`, `other classes`."""
    freeze: tuple[int, ...] = ()

    def __str__(self) -> str:
        settings = {**self.switches, **self.augmentation}
        changed = [f"{name}={value}" for name, value in settings.items()]
        changed += [self.begun.replace(" ", "-")] if self.begun else []
        changed += [f"freeze={number}" for number in self.freeze]
        optimizer = self.optimizer.get("kind", "adam")
        return "-".join(
            [self.model, self.data, self.preset, optimizer, *changed, f"b{self.batch_size}"]
        )

    @property
    def layers(self) -> list[Any]:
        """As in a model file."""
        if self.model != "mlp":
            return NETWORKS[self.model]
        hidden = [layer for units in self.hidden for layer in ({"dense": units}, *NORM_SIGN)]
        return ["flatten", *hidden, {"dense": SHAPES[self.data][3]}, "batch_norm"]

    @property
    def run(self) -> Run:
        shape = list(SHAPES[self.data][:3])
        network = parse_network({"input": shape, "layers": self.layers}, "case")
        switches = Switches(**{**PRESETS[self.preset].model_dump(), **self.switches})
        # Weights without latent ones flip within the steps that are compared.
        soon = {"kind": "bop", "gamma": 0.02, "tau": 0.05} if self.preset == "bare" else {}
        return Run(
            stage="device",
            dataset=self.data,
            model=self.model,
            network=network,
            switches=switches,
            optimizer=optimizer_of(Optimizer(**{**soon, **self.optimizer}), switches),
            batch_size=self.batch_size,
            augmentation=Augmentation(**self.augmentation),
            epochs=1,
            seed=self.seed,
            init="begun" if self.begun else None,
            freeze=self.freeze,
        )

    @property
    def before(self) -> Run:
        """A run that this one may have begun from."""
        run = replace(self, begun="", freeze=(), seed=self.seed + 1).run
        if self.begun != "other classes":
            return run
        *layers, dense, norm = run.network.layers
        layers += [dense.model_copy(update={"units": 8}), norm]
        network = run.network.model_copy(update={"layers": tuple(layers)})
        return run.model_copy(update={"network": network})

    @property
    def weights_atol(self) -> float:
        """Narrow weights agree to the bit; float32 ones as their real gradients do."""
        run = self.run
        exact = run.switches.weight_dtype != "f32" or run.optimizer.kind == "bop"
        return 0 if exact else 1e-6


def _noisy(height: int, width: int, channels: int) -> Packed:
    """Random images, ten classes; two pixels never change."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 220).astype(np.uint8)
    shape = height, width, channels
    prototypes = rng.integers(0, 128, (10, *shape))
    images = (prototypes[labels] + rng.integers(0, 128, (220, *shape))).astype(np.uint8)
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


DATA = {
    "odd": lambda: _noisy(5, 7, 3),  # no size is a multiple of 8
    "map": lambda: _noisy(11, 13, 3),
    "square": lambda: _noisy(32, 32, 3),
    "digits": _digits,
    "mnist": _mnist,
}
SHAPES = {
    "odd": (5, 7, 3, 10),
    "map": (11, 13, 3, 10),
    "square": (32, 32, 3, 10),
    "digits": (8, 8, 1, 10),
    "mnist": (28, 28, 1, 10),
}


def _conv(filters: int, kernel: int = 3, stride: int = 1, padding: str = "same") -> Any:
    return {"conv": {"filters": filters, "kernel": kernel, "stride": stride, "padding": padding}}


def _blocks(*products: Any, pool: str = "", pooled: tuple[int, ...] = ()) -> list[Any]:
    """Products with batch norm and sign; those `pooled` with a max_pool before or after these."""
    layers: list[Any] = []
    for number, product in enumerate(products):
        if product == "flatten":
            layers.append(product)
            continue
        pools = [{"max_pool": 2}] if number in pooled else []
        before, after = (pools, []) if pool == "before" else ([], pools)
        layers += [product, *before, *NORM_SIGN, *after]
    return layers[:-1]  # the last block has no sign


def _cnv(*filters: int, dense: int) -> list[Any]:
    """config/models/cnv.yaml with fewer filters."""
    convs = [_conv(count, padding="valid") for count in filters]
    products = [*convs, "flatten", {"dense": dense}, {"dense": dense}, {"dense": 10}]
    return _blocks(*products, pool="after", pooled=(1, 3))


def _binarynet(*filters: int, dense: int) -> list[Any]:
    """config/models/binarynet.yaml with fewer filters."""
    products = [*map(_conv, filters), "flatten", {"dense": dense}, {"dense": dense}, {"dense": 10}]
    return _blocks(*products, pool="before", pooled=(1, 3, 5))


NORM_SIGN = ["batch_norm", "sign"]
_HEAD = ("flatten", {"dense": 10})
NETWORKS: dict[str, list[Any]] = {
    "same": _blocks(_conv(5), _conv(33), _conv(7, kernel=5), *_HEAD),
    "valid": _blocks(_conv(7, padding="valid"), _conv(33, 5, padding="valid"), _conv(5), *_HEAD),
    "stride": _blocks(_conv(33, stride=2), _conv(7, 5, 2), _conv(5, 3, 2), *_HEAD),
    "stride-valid": _blocks(_conv(7, 3, 2, "valid"), _conv(65, 5, 2, "valid"), *_HEAD),
    "stride-1x1": _blocks(_conv(5, 1), _conv(7, 1, 2), _conv(33, 5, 3), *_HEAD),
    "pool-before": _blocks(_conv(5), _conv(33), _conv(7, 5), *_HEAD, pool="before", pooled=(0, 1)),
    "pool-after": _blocks(_conv(7), _conv(33), _conv(5, 5), *_HEAD, pool="after", pooled=(0, 2)),
    "head": _blocks(_conv(7, 5, padding="valid"), _conv(10, 5, padding="valid"), "flatten",
                    {"dense": 65}, {"dense": 10}, pool="after", pooled=(1,)),
    "cnv": _cnv(5, 7, 9, 7, 33, 11, dense=33),
    "binarynet": _binarynet(7, 9, 17, 15, 33, 21, dense=65),
}  # fmt: skip
"""Layer lists of convolutions, odd in every size."""

PRESET_CASES = [Case(preset) for preset in PRESETS]
DIGITS_CASES = [Case(preset, "digits", (128, 64), 50, seed=0) for preset in PRESETS]
SWITCH_CASES = [
    *(Case("proposed", switches={"gradient_dtype": g}) for g in ("f32", "i16", "i8", "i6")),
    *(Case("proposed", switches={"momentum_dtype": m}) for m in ("f32", "f16", "i8", "i4")),
    *(Case("proposed", switches={"weight_dtype": w}) for w in ("f32", "f16", "i8")),
    Case("proposed", switches={"weight_gradient": "f32"}),
    Case("proposed", switches={"ste": "identity"}),
    Case("standard", switches={"batch_norm": "l1"}),
    Case("standard", switches={"activations": "f16"}),
    Case("proposed", switches={"activations": "f16", "batch_norm": "bnn-xn"}),
    Case("standard", switches={"activations": "f16", "batch_norm": "l1", "gradient_dtype": "f16"}),
    Case("standard", switches={"batch_norm": "bnn", "activations": "bool"}),
    Case("standard", switches={"weight_gradient": "bool"}),
    Case("standard", switches={"gradient_dtype": "f16"}),
]
OPTIMIZER_CASES = [
    *(Case("standard", optimizer={"kind": kind, "tau": 1e-5}) for kind in ("sgd", "bop")),
    *(Case("proposed", optimizer={"kind": kind, "tau": 3e-4}) for kind in ("sgd", "bop")),
    Case("proposed", optimizer={"kind": "sgd"}, switches={"momentum_dtype": "f32"}),
    *(Case("bare", switches={"momentum_dtype": m}) for m in ("f32", "f16", "q15", "i4")),
    Case("bare", optimizer={"gamma": 0.3, "tau": 0.5}),
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
CONV_CASES = [
    *(
        Case(preset, "map", model=model, batch_size=6)
        for model in NETWORKS
        if model not in ("cnv", "binarynet")
        for preset in ("standard", "proposed")
    ),
    Case("lean", "map", model="pool-after", batch_size=5),
    *(Case(preset, "square", model="cnv", batch_size=5) for preset in ("standard", "proposed")),
    *(Case(preset, "map", model="binarynet", batch_size=8) for preset in PRESETS),
]
CONV_SWITCH_CASES = [
    replace(case, data="map", model=model, batch_size=5)
    for case, model in zip(
        [*SWITCH_CASES, *OPTIMIZER_CASES],
        itertools.cycle(("pool-before", "pool-after", "stride")),
        strict=False,
    )
]
AUGMENTATION_CASES = [
    Case("proposed", "map", model="pool-after", batch_size=6, augmentation={"shift": 0.15, "flip": True}),
    Case("standard", "odd", augmentation={"shift": 0.45}),
    Case("proposed", "odd", augmentation={"flip": True}),
]  # fmt: skip
_BEGUN = {"begun": "same classes", "data": "map", "batch_size": 6}
BEGUN_CASES = [
    Case("proposed", begun="other classes", freeze=(2, 5)),
    Case("standard", begun="same classes", freeze=(5,)),
    Case("lean", "map", model="pool-after", batch_size=6, begun="other classes", freeze=(1, 5)),
    Case("bare", begun="same classes", freeze=(2,)),
    Case("proposed", model="pool-before", **_BEGUN, freeze=(1, 5)),
    Case("proposed", model="same", **_BEGUN),
    Case("standard", model="pool-after", **_BEGUN, freeze=(5,)),
    Case("lean", model="pool-before", **_BEGUN, freeze=(5, 9)),
    Case("proposed", begun="same classes", freeze=(2, 8)),
    *(Case(preset, model="pool-after", **_BEGUN, freeze=(5,)) for preset in PRESETS),
    *(Case(preset, begun="other classes", freeze=(2,)) for preset in PRESETS),
    Case("lean", begun="same classes", freeze=(5,), optimizer={"kind": "sgd"}),
    Case("standard", "map", model="stride", batch_size=6, begun="other classes",
         freeze=(4,), switches={"batch_norm": "bnn-xn", "activations": "f16"}),
]  # fmt: skip
"""That begin from another training's weights, some of which stay."""
CASES = (
    PRESET_CASES
    + DIGITS_CASES
    + SWITCH_CASES
    + OPTIMIZER_CASES
    + CONV_CASES
    + CONV_SWITCH_CASES
    + AUGMENTATION_CASES
)
