"""Every switch and optimiser in a few steps: it learns, changes what it should and keeps the rest, resumes.

What each computes is held against two other engines in tests/parity; here they are also compiled.
"""

import itertools

import numpy as np
import pytest

from edgebnn.emulation.batches import centred
from edgebnn.emulation.checkpoint import Checkpoint, Progress, values
from edgebnn.emulation.model import compiled_model
from edgebnn.epochs import SERIES
from edgebnn.study.model_file import parse_network
from edgebnn.study.switches import PRESETS, Switches
from tests.sampled import one_in

ALLOWED = {name: field.annotation.__args__ for name, field in Switches.model_fields.items()}
SINGLE_SWITCHES = [
    (preset, name, value)
    for preset in ("standard", "proposed")
    for name, allowed in ALLOWED.items()
    for value in allowed
    if value != getattr(PRESETS[preset], name)
]
OPTIMIZERS = {
    "adam": {},
    "sgd": {"kind": "sgd", "learning_rate": 0.1},
    "bop": {"kind": "bop", "gamma": 1e-2, "tau": 1e-6},
    "bop of signs": {"kind": "bop", "gamma": 0.1, "tau": 0.3},
}
KEPT = ("activations", "pool_mask")
"""What the emulation computes alike whatever is kept of it; these differ in memory alone."""
EAGER = {"run_eagerly": True, "jit_compile": False}
XLA = {"jit_compile": True}


def mixtures():
    """Combinations of switches that together hold every value of every switch."""
    for number in range(max(map(len, ALLOWED.values()))):
        mixed = {name: allowed[number % len(allowed)] for name, allowed in ALLOWED.items()}
        if mixed["activations"] == "bool":
            mixed["batch_norm"] = "bnn"
        if mixed["momentum_dtype"] in ("i8", "i4"):
            mixed["weight_gradient"] = "bool"
        yield mixed


def small(make_run, preset="proposed", optimizer="adam", **changes):
    layers = [{"conv": 16}, {"max_pool": 2}, "batch_norm", "sign", "flatten", {"dense": 5}]
    layers += ["batch_norm"]
    network = parse_network({"input": [4, 5, 1], "layers": layers}, "test")
    return make_run(preset, network=network, optimizer=OPTIMIZERS[optimizer], **changes)


def take_steps(model, blobs, count):
    """Losses of `count` steps on the same hundred images."""
    images = centred(blobs.train.images[:100])
    labels = blobs.train.labels[:100].astype(np.int32)
    losses = []
    for _ in range(count):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(images, labels)[0]))
    return losses


def everything(model):
    return values([*model.variables, *model.optimizer.variables])


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def of_preset(make_run, blobs):
    """What four steps leave of each preset."""
    left = {}
    for preset in ("standard", "proposed"):
        model = compiled_model(small(make_run, preset), **EAGER)
        take_steps(model, blobs, 4)
        left[preset] = everything(model)
    return left


@pytest.mark.parametrize(("preset", "name", "value"), one_in(3, SINGLE_SWITCHES))
def test_single_switches(preset, name, value, *, make_run, blobs, of_preset):
    changes = {name: value}
    if (name, value) == ("activations", "bool"):
        changes["batch_norm"] = "bnn"  # which it needs
    if name == "batch_norm" and preset == "proposed":
        changes["activations"] = "f32"  # which they need
    if preset == "standard" and (name, value) in (
        ("momentum_dtype", "i8"),
        ("momentum_dtype", "i4"),
    ):
        with pytest.raises(ValueError, match=f"momentum_dtype: {value}.*weight_gradient: bool"):
            small(make_run, preset, **changes)
        return
    optimizer, steps = "adam", 4
    if (name, value) == ("weight_dtype", "bool"):
        optimizer, steps = ("bop", 4) if preset == "standard" else ("bop of signs", 12)
    model = compiled_model(small(make_run, preset, optimizer, **changes), **EAGER)
    losses = take_steps(model, blobs, steps)
    assert losses[-1] < 0.8 * losses[0], losses
    alike = set(changes) <= set(KEPT) and (preset, value) != ("standard", "f16")  # of Xn
    assert same(everything(model), of_preset[preset]) == alike


@pytest.mark.parametrize(
    ("preset", "optimizer"),
    one_in(
        4,
        [
            *itertools.product(
                [name for name in PRESETS if name != "bare"], ["adam", "sgd", "bop"]
            ),
            ("bare", "bop"),
        ],
    ),
)
def test_optimizers_learn_and_resume(preset, optimizer, make_run, blobs, tmp_path):
    if optimizer == "bop" and preset != "standard":
        optimizer = "bop of signs"
    run = small(make_run, preset, optimizer)
    uncut = compiled_model(run, **EAGER)
    losses = take_steps(uncut, blobs, 3)
    Checkpoint(tmp_path).save(Progress(run.id, {name: [0.5] for name in SERIES}), uncut)
    losses += take_steps(uncut, blobs, 4)
    assert losses[-1] < 0.9 * losses[0], losses
    resumed = compiled_model(run, **EAGER)
    assert Checkpoint(tmp_path).restore(run.id, resumed).epoch == 1
    assert take_steps(resumed, blobs, 4) == losses[3:]
    assert same(everything(resumed), everything(uncut))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_every_switch_compiles(number, make_run, blobs):
    """Under XLA, as the stage runs it."""
    optimizer = ("adam", "sgd", "adam", "bop of signs", "bop of signs")[number]
    model = compiled_model(
        small(make_run, "standard", optimizer, **list(mixtures())[number]), **XLA
    )
    losses = take_steps(model, blobs, 16)
    assert losses[-1] < 0.8 * losses[0], losses


def test_the_compiled_are_all() -> None:
    assert len(list(mixtures())) == 5
    for name, allowed in ALLOWED.items():
        assert {mixed[name] for mixed in mixtures()} == set(allowed)
