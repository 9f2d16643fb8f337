"""A run on virtual boards of other architectures: real SSH, the cross-built programs under qemu."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.job import train_on_device
from edgebnn.record import Record
from edgebnn.study.run import Run
from edgebnn.trainer.build import TARGETS

ARM = [target for target in TARGETS if target != "native"]


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
    emulator = Device.model_validate({"kind": "virtual", "target": target}).emulator[0]
    if shutil.which(emulator) is None:
        pytest.skip(f"{emulator} is not installed")
    here, there = train("native"), train(target)
    assert there.provenance.machine.endswith(f", under {emulator}")
    assert there.provenance.virtual
    assert there.series.keys() == here.series.keys()
    for (step, mine), (other_step, other) in zip(
        here.series["loss"], there.series["loss"], strict=True
    ):
        assert other_step == step
        assert other == pytest.approx(mine, rel=1e-5)
    for name in ("accuracy", "validation_accuracy"):
        assert there.series[name] == here.series[name]
    for name in ("steps", "test_accuracy"):
        assert there.value(name) == here.value(name)
    assert there.artifacts.keys() == here.artifacts.keys()
