"""The paper's convolutional networks, whole, on real images: twenty steps by both engines."""

from pathlib import Path
from typing import Any

import pytest
from cases import MNIST as DATASETS
from cases import Case
from run_trainer import train
from state_dump import assert_same, read_dump

from edgebnn.data.datasets import Packed, Split, prepare, write_packed
from edgebnn.emulation.dump import dump
from edgebnn.study.model_file import load_network

STEPS = 20
BATCH = {"cnv": 8, "binarynet": 4}
MODELS = Path(__file__).parents[2] / "config" / "models"


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first images of CIFAR-10, packed."""
    if not (DATASETS / "cifar10.npz").exists():
        pytest.skip("no cifar10.npz in EDGEBNN_DATA_DIR")
    whole = prepare("cifar10", DATASETS, Path())
    splits = [  # what is evaluated behind the steps is no part of the test
        Split(split.images[:count], split.labels[:count])
        for split, count in zip(whole.splits(), (200, 8, 8), strict=True)
    ]
    path = tmp_path_factory.mktemp("cifar10") / "cifar10.ebd"
    write_packed(path, Packed(whole.classes, *splits))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["standard", "proposed"])
@pytest.mark.parametrize("model", BATCH)
def test_twenty_steps(
    model: str, preset: str, *, trainer: Path, cifar10: Path, tmp_path: Path
) -> None:
    case = Case(preset, batch_size=BATCH[model])
    run: Any = case.run.model_copy(
        update={"dataset": "cifar10", "model": model, "network": load_network(model, MODELS)}
    )
    options = ("--dump", "trainer", "--steps", STEPS)
    done = train(trainer, tmp_path, run, cifar10, *options, kernels="exact")
    assert done.returncode == 0, done.stderr
    dump(run, cifar10, tmp_path / "emulation", STEPS)
    found, expected = (
        read_dump(tmp_path / name, run.network, run.batch_size) for name in ("trainer", "emulation")
    )
    assert len(found) == STEPS
    assert_same(found, expected, case.weights_atol, "trainer and emulation")
    for name in ("trainer", "emulation"):
        (tmp_path / name).unlink()  # a gigabyte each
