"""A small learnable data set and networks for it; the backend on one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, write_packed
from edgebnn.emulation.backend import load_backend
from edgebnn.study.model_file import parse_network
from edgebnn.study.optimizer_config import Optimizer, optimizer_of
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS, Switches

load_backend(threads=1)  # before a test imports Keras, which then imports less


@pytest.fixture(scope="session")
def blobs() -> Packed:
    """Five noisy prototypes of 4x5x1: 600 images to train on, 100 to validate, 100 to test."""
    rng = np.random.default_rng(7)
    prototypes = rng.integers(0, 2, (5, 4, 5, 1)) * 255
    labels = rng.integers(0, 5, 800).astype(np.uint8)
    noise = rng.integers(-127, 128, (800, 4, 5, 1))
    images = np.clip(prototypes[labels] + noise, 0, 255).astype(np.uint8)
    parts = (slice(0, 600), slice(600, 700), slice(700, 800))
    return Packed(5, *(Split(images[part], labels[part]) for part in parts))


@pytest.fixture(scope="session")
def blobs_file(blobs: Packed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "blobs.ebd"
    write_packed(path, blobs)
    return path


@pytest.fixture(scope="session")
def make_network() -> Any:
    return _mlp


def _mlp(shape: tuple[int, int, int], hidden: list[int], classes: int) -> Any:
    """flatten, then dense, batch norm, sign for each hidden width, then dense and batch norm."""
    layers: list[Any] = ["flatten"]
    for units in hidden:
        layers += [{"dense": units}, "batch_norm", "sign"]
    return parse_network(
        {"input": list(shape), "layers": [*layers, {"dense": classes}, "batch_norm"]}, "test"
    )


@pytest.fixture(scope="session")
def make_run() -> Any:
    """Makes a Run on the blobs: `make_run("proposed", optimizer={...}, ste="identity", epochs=3)`."""

    def make(preset: str = "proposed", optimizer: Any = None, **changes: Any) -> Run:
        fields = {name: changes.pop(name) for name in list(changes) if name in Run.model_fields}
        switches = {**PRESETS[preset].model_dump(), **changes}
        given = {
            "stage": "emulate",
            "dataset": "digits",
            "model": "mlp",
            "network": _mlp((4, 5, 1), [32, 32], 5),
            "switches": Switches(**switches),
            "optimizer": optimizer_of(
                Optimizer(**{"learning_rate": 0.01, **(optimizer or {})}), Switches(**switches)
            ),
            "batch_size": 50,
            "epochs": 6,
            "seed": 0,
        }
        return Run(**{**given, **fields})

    return make
