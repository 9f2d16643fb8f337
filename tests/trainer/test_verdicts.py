"""The plan refuses what the trainer refuses, and nothing else: two languages, one verdict."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from edgebnn.data.look import check_counts
from edgebnn.errors import ConfigError
from edgebnn.study.config import Augmentation, Experiment, parse
from edgebnn.study.model_file import parse_network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS, Switches
from edgebnn.study.trainable import untrained_layer
from edgebnn.study.trainer_limits import beyond_the_trainer
from edgebnn.trainer.run_file import run_file

HEAD = ["flatten", {"dense": 10}, "batch_norm"]
NEXT = ["batch_norm", "sign"]
MOST_I16, MOST_I8 = (2**31 - 1) // 8191, (2**31 - 1) // 127


def conv(filters: int, **more: Any) -> dict[str, Any]:
    return {"conv": {"filters": filters, **more}}


def run_of(
    layers: list[Any], shape: Any = (8, 8, 1), batch: int = 100, gradients: str = "f16"
) -> Run:
    return Run(
        stage="device",
        dataset="d",
        model="m",
        network=parse_network({"input": list(shape), "layers": layers}, "m.yaml"),
        switches=Switches(**{**PRESETS["proposed"].model_dump(), "gradient_dtype": gradients}),
        optimizer=Optimizer(),
        augmentation=Augmentation(),
        batch_size=batch,
        epochs=1,
        seed=0,
    )


def planned(run: Run) -> str:
    """What the plan says against a run; empty if it takes it."""
    return str(
        untrained_layer(run.network)
        or beyond_the_trainer(run.network, run.batch_size, run.switches)
        or ""
    )


def said(programs: Path, text: str) -> str:
    """What the trainer says against a run file, asked for its plan as a job would ask it to train."""
    done = subprocess.run(
        [programs / "edgebnn-train", "--run", "/dev/stdin", "--plan", "--export", "/dev/null"],
        input=text,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 2), done.stderr
    return done.stderr


TWO = [conv(4), *NEXT, conv(4), *NEXT, *HEAD]
WIDE = ["flatten", {"dense": 8}, *NEXT]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"layers": HEAD}, ""),
        ({"layers": HEAD, "shape": (4096, 1, 1)}, ""),
        ({"layers": HEAD, "shape": (4097, 1, 1)}, "4096"),
        ({"layers": HEAD, "shape": (1, 4097, 1)}, "4096"),
        ({"layers": HEAD, "shape": (1, 1, 4097)}, "4096"),
        # the batch: one position, then 64 of them, before the pool
        ({"layers": HEAD, "batch": MOST_I16, "gradients": "i16"}, ""),
        ({"layers": HEAD, "batch": MOST_I16 + 1, "gradients": "i16"}, f"{MOST_I16} is allowed"),
        ({"layers": HEAD, "batch": MOST_I16 + 1, "gradients": "i8"}, ""),
        ({"layers": TWO, "batch": MOST_I8 // 64, "gradients": "i8"}, ""),
        ({"layers": TWO, "batch": MOST_I8 // 64 + 1, "gradients": "i8"}, f"{MOST_I8 // 64} is allowed"),
        ({"layers": TWO, "batch": MOST_I8 // 64 + 1, "gradients": "i6"}, f"{MOST_I8 // 64} is allowed"),
        ({"layers": TWO, "batch": MOST_I8 // 64 + 1, "gradients": "f16"}, ""),
        ({"layers": TWO, "batch": MOST_I8 // 64 + 1, "gradients": "f32"}, ""),
        ({"layers": TWO, "batch": MOST_I16 // 64, "gradients": "i16"}, ""),
        ({"layers": TWO, "batch": MOST_I16 // 64 + 1, "gradients": "i16"}, "layer 1 (conv)"),
        ({"layers": [conv(4), {"max_pool": 2}, *NEXT, *HEAD], "batch": MOST_I8 // 64 + 1, "gradients": "i8"}, "layer 1 (conv)"),
        ({"layers": [conv(4, stride=2), *NEXT, *HEAD], "batch": MOST_I8 // 16, "gradients": "i8"}, ""),
        ({"layers": [conv(4, stride=2), *NEXT, *HEAD], "batch": MOST_I8 // 16 + 1, "gradients": "i8"}, "layer 1 (conv)"),
        # units: of the first layer any, of others as many as dX may sum
        ({"layers": ["flatten", {"dense": 1 << 20}, *NEXT, {"dense": 10}, "batch_norm"], "gradients": "i8"}, ""),
        ({"layers": [*WIDE, {"dense": MOST_I16}, *NEXT, {"dense": 10}, "batch_norm"], "gradients": "i8"}, ""),
        ({"layers": [*WIDE, {"dense": MOST_I16 + 1}, *NEXT, {"dense": 10}, "batch_norm"], "gradients": "i6"}, "layer 5 (dense)"),
        ({"layers": [*WIDE, {"dense": MOST_I16 + 1}, *NEXT, {"dense": 10}, "batch_norm"], "gradients": "f16"}, ""),
        ({"layers": [conv(4), *NEXT, conv(MOST_I16 // 9), *NEXT, *HEAD], "gradients": "i16"}, ""),
        ({"layers": [conv(4), *NEXT, conv(MOST_I16 // 9 + 1), *NEXT, *HEAD], "gradients": "i16"}, "layer 4 (conv)"),
        ({"layers": [conv(4), *NEXT, conv(MOST_I16 // 4, kernel=7, padding="valid"), *NEXT, *HEAD], "gradients": "i16"}, ""),
        ({"layers": [conv(4), *NEXT, conv(MOST_I16 // 4 + 1, kernel=7, padding="valid"), *NEXT, *HEAD], "gradients": "i16"}, "layer 4 (conv)"),
        # products of the exported network
        ({"layers": HEAD, "shape": (4096, 2056, 1)}, ""),
        ({"layers": HEAD, "shape": (4096, 2057, 1)}, "8425472"),
        ({"layers": [conv(4, kernel=2901), *NEXT, *HEAD]}, ""),
        ({"layers": [conv(4, kernel=2903), *NEXT, *HEAD]}, "layer 1 (conv)"),
        ({"layers": [conv(4, kernel=(1 << 20) - 1), *NEXT, *HEAD]}, "layer 1 (conv)"),
        # layers
        ({"layers": [{"max_pool": 2}, *HEAD]}, "layer 1 (max_pool)"),
        ({"layers": [conv(4), {"max_pool": 2}, {"max_pool": 2}, *NEXT, *HEAD]}, "layer 3 (max_pool)"),
        ({"layers": [conv(4), *NEXT, {"max_pool": 2}, *HEAD]}, ""),
        ({"layers": [conv(4), *NEXT, {"max_pool": 2}, {"max_pool": 2}, *HEAD]}, "layer 5 (max_pool)"),
        ({"layers": [conv(4), *NEXT, {"max_pool": 3}, *HEAD]}, "layer 4 (max_pool)"),
        ({"layers": [conv(10, kernel=7, padding="valid"), {"max_pool": 2}, "flatten", "batch_norm"]}, ""),
        ({"layers": [conv(10), "flatten", "batch_norm"]}, "layer 3 (batch_norm)"),
        ({"layers": [conv(4), "flatten", "flatten", *NEXT, {"dense": 10}, "batch_norm"]}, "layer 4 (batch_norm)"),
        ({"layers": [conv(4), "batch_norm", "flatten", "sign", {"dense": 10}, "batch_norm"]}, ""),
        ({"layers": ["flatten", "flatten", {"dense": 10}, "flatten", "batch_norm"]}, ""),
        ({"layers": ["sign", *HEAD]}, "layer 1 (sign)"),
        ({"layers": ["flatten", "batch_norm"]}, "layer 2 (batch_norm)"),
        ({"layers": ["flatten", {"dense": 10}, "batch_norm", "batch_norm"]}, "layer 4 (batch_norm)"),
        ({"layers": HEAD[:2]}, "layer 2 (dense)"),
        ({"layers": [*WIDE, "sign", {"dense": 10}, "batch_norm"]}, "layer 5 (sign)"),
    ],
    ids=str,
)  # fmt: skip
def test_networks(programs: Path, changes: dict[str, Any], word: str) -> None:
    run = run_of(**changes)
    ours = planned(run)
    theirs = said(programs, run_file(run))
    assert bool(ours) == bool(theirs) == bool(word), (ours, theirs)
    assert word in ours
    if word.startswith("layer"):
        assert word in theirs


def test_images_against_the_batch(job: Any) -> None:
    for batch, taken in ((400, True), (401, False)):
        job.keys = {"batch_size": batch}
        assert (job.train("--steps", 1).returncode == 0) == taken
        try:
            check_counts((400, 60, 70), batch, "here")
        except ConfigError:
            assert not taken
        else:
            assert taken


def accepted(kind: Any, document: dict[str, Any]) -> bool:
    try:
        parse(kind, document, "my.yaml")
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(
    ("model", "key", "values"),
    [
        ("optimizer", "learning_rate", {1e-30: 1, 9e-31: 0, 3e38: 1, 3.1e38: 0, 0.0: 0, -1.0: 0, 1e-3: 1, 5: 1}),
        ("optimizer", "tau", {0.0: 1, -1e-9: 0, 3e38: 1, 3.1e38: 0, 1e-320: 1}),
        ("optimizer", "gamma", {1.0: 1, 1.1: 0, -0.1: 0, 1e-310: 1}),
        ("augmentation", "shift", {0.0: 1, 0.5: 0, 0.4999: 1, -0.1: 0}),
        ("device", "batch_size", {1: 1, 0: 0, -1: 0, 1 << 24: 1, (1 << 24) + 1: 0}),
        ("device", "epochs", {1: 1, 0: 0, 1 << 24: 1, (1 << 24) + 1: 0}),
    ],
)  # fmt: skip
def test_numbers(programs: Path, model: str, key: str, values: dict[Any, int]) -> None:
    bop = {"kind": "bop"} if key in ("tau", "gamma") else {}
    run = run_of(HEAD)
    lines = run_file(run.model_copy(update={"optimizer": Optimizer(**bop)})).splitlines()
    for value, taken in values.items():
        whole = {"name": "a", "dataset": "d", "model": "m", "methods": ["lean"]}
        assert accepted(Experiment, {**whole, model: {**bop, key: value}}) == bool(taken), value
        text = [f"{key} {value!r}" if line.split()[0] == key else line for line in lines]
        assert (said(programs, "\n".join(text)) == "") == bool(taken), value


@pytest.mark.parametrize("gradients", ["f32", "bool"])
@pytest.mark.parametrize("activations", ["f32", "bool"])
def test_switches(programs: Path, activations: str, gradients: str) -> None:
    """Each pair that could be at odds."""
    run = run_of(HEAD)
    for norm in ("l2", "l1", "bnn", "bnn-xn"):
        for momenta in ("f32", "f16", "q15", "i8", "i4"):
            given = {
                **run.switches.model_dump(),
                "activations": activations,
                "batch_norm": norm,
                "momentum_dtype": momenta,
                "weight_gradient": gradients,
            }
            text = run_file(run).splitlines()
            text = [
                f"{line.split()[0]} {given[line.split()[0]]}" if line.split()[0] in given else line
                for line in text
            ]
            assert accepted(Switches, given) == (said(programs, "\n".join(text)) == ""), given
