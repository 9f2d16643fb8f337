"""The plan of the trainer's memory, modelled in Python, is the trainer's own, byte for byte."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError
from edgebnn.memory.arena import plan_arena
from edgebnn.study.config import Optimizer
from edgebnn.study.network import Network, load_network, parse_network
from edgebnn.study.plan import Run
from edgebnn.study.switches import PRESETS, Switches
from edgebnn.trainer.run_file import run_file

MODELS = Path(__file__).parents[2] / "config" / "models"
TRAINED = ("mlp", "cnv", "binarynet")
BATCHES = (1, 40, 100, 200)
ROW = re.compile(
    r"(?P<name>.+?) +(?P<type>2 bit|\w+) +(?P<life>\d+\.\.\d+) +[\d.]+ +(?P<bytes>\d+)"
)
TOTAL = re.compile(r"arena +[\d.]+ +(\d+)")

LAYERS: dict[str, list[Any]] = {
    # A pool in each of its places, strides, padding on one side and on both, odd sizes.
    "pools": [
        {"conv": {"filters": 9, "kernel": 3}}, {"max_pool": 2}, "batch_norm", "sign",
        {"conv": {"filters": 70, "kernel": 3, "stride": 2}}, "batch_norm", "sign", "max_pool",
        {"conv": {"filters": 17, "kernel": 1, "padding": "valid"}}, "batch_norm", "sign",
        "flatten", {"dense": 10}, "batch_norm",
    ],
    "one layer": ["flatten", {"dense": 10}, "batch_norm"],
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A run that the two plan; `changes` are switches set otherwise than the preset has them."""

    model: str
    batch_size: int = 40
    preset: str = "proposed"
    optimizer: str = "adam"
    threads: int = 1
    changes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        changes = (f"{name}={value}" for name, value in self.changes.items())
        words = [self.model, f"b{self.batch_size}", self.preset, self.optimizer, *changes]
        return "-".join([*words, f"t{self.threads}"])

    @property
    def network(self) -> Network:
        if self.model in LAYERS:
            return parse_network({"input": [13, 17, 3], "layers": LAYERS[self.model]}, "case")
        return load_network(self.model, MODELS)

    @property
    def switches(self) -> Switches:
        return Switches(**{**PRESETS[self.preset].model_dump(), **self.changes})


CASES = [
    *(
        Case(model, batch_size, preset)
        for model in TRAINED
        for batch_size in BATCHES
        for preset in PRESETS
    ),
    *(
        Case(model, 40, "proposed", optimizer, threads, changes)
        for model in (*TRAINED, *LAYERS)
        for optimizer, threads, changes in (
            ("bop", 1, {}),
            ("bop", 3, {"gradient_dtype": "i16", "weight_gradient": "f32"}),
            ("sgd", 1, {"ste": "identity", "weight_dtype": "f16", "momentum_dtype": "i8"}),
            ("sgd", 3, {"gradient_dtype": "i6", "weight_gradient": "f32"}),
            ("adam", 3, {"gradient_dtype": "i8", "weight_gradient": "f32"}),
            ("adam", 1, {"gradient_dtype": "i16", "ste": "identity"}),
            ("adam", 3, {"activations": "f32", "batch_norm": "l1", "gradient_dtype": "f32"}),
        )
    ),
    *(Case(model, 7, preset, threads=3) for model in LAYERS for preset in PRESETS),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_buffer_and_the_total(case: Case, programs: Path, tmp_path: Path) -> None:
    run = Run(
        stage="device",
        dataset="case",
        model="case",
        network=case.network,
        switches=case.switches,
        optimizer=Optimizer(kind=case.optimizer),
        batch_size=case.batch_size,
        epochs=1,
        seed=0,
    )
    (tmp_path / "a.run").write_text(run_file(run))
    done = subprocess.run(
        [programs / "edgebnn-train", "--run", "a.run", "--plan", "--threads", str(case.threads)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    lines = done.stdout.splitlines()[1:-1]
    theirs = [found.groupdict() for line in lines[:-1] if (found := ROW.fullmatch(line))]
    total = TOTAL.fullmatch(lines[-1])
    assert total is not None and len(theirs) == len(lines) - 1
    ours = plan_arena(case.network, case.batch_size, case.optimizer, case.switches, case.threads)
    assert [
        {
            "name": buffer.name,
            "type": buffer.type,
            "life": f"{buffer.life[0]}..{buffer.life[1]}",
            "bytes": str(buffer.bytes),
        }
        for buffer in ours.buffers
    ] == theirs
    assert ours.bytes == int(total[1])


@pytest.mark.parametrize("model", ["resnete18", "bireal18"])
def test_a_network_that_is_not_trained_has_no_plan(model: str) -> None:
    network = load_network(model, MODELS)
    with pytest.raises(ConfigError, match=r"layer \d+ \(\w+\): not yet trained by this version"):
        plan_arena(network, 1, "adam", PRESETS["proposed"])
