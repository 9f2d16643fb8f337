"""A run on virtual boards of other architectures: real SSH, the cross-built programs under qemu."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.farm.inventory import Inventory
from edgebnn.farm.job import train_on_device
from edgebnn.record import Record
from edgebnn.study.plan import Run

ARM = {"aarch64-linux": "qemu-aarch64", "armv7-linux": "qemu-arm", "armv6-linux": "qemu-arm"}


@pytest.fixture
def train(
    run: Run,
    digits: Path,
    inventory: Callable[..., Inventory],
    built: Callable[[str], Path],
    tmp_path: Path,
) -> Callable[[str], Record]:
    """Trains the small run on a virtual device of a target."""

    def call(target: str) -> Record:
        farm = inventory(**{target: {"kind": "virtual", "target": target}})
        output = tmp_path / target / "record.json"
        binaries = built(target).parent
        return train_on_device(
            run, digits, binaries, farm, output, tmp_path / "virtual", lambda line: None
        )

    return call


@pytest.mark.slow
@pytest.mark.parametrize("target", ARM)
def test_boards_of_another_architecture_train_as_this_machine_does(
    target: str, train: Callable[[str], Record]
) -> None:
    emulator = ARM[target]
    if shutil.which(emulator) is None:
        pytest.skip(f"{emulator} is not installed")
    here, there = train("native"), train(target)
    assert there.provenance.machine.endswith(f", under {emulator}")
    assert there.provenance.virtual
    assert there.series.keys() == here.series.keys()
    for name in ("loss", "accuracy", "validation_accuracy"):
        for (step, mine), (other_step, other) in zip(
            here.series[name], there.series[name], strict=True
        ):
            assert other_step == step
            assert other == pytest.approx(mine, rel=1e-3)
    assert there.metrics["steps"].value == here.metrics["steps"].value
    assert there.metrics["test_accuracy"].value == pytest.approx(
        here.metrics["test_accuracy"].value, abs=0.02
    )
    assert there.artifacts.keys() == here.artifacts.keys()
