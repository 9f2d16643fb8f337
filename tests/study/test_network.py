"""The five models of the paper, and mistakes in a model file located by layer number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebnn.errors import ConfigError
from edgebnn.memory.accounting import count
from edgebnn.study.model_file import load_network, parse_network
from edgebnn.study.network import Conv, Dense

MODELS = Path(__file__).parents[2] / "config" / "models"


@pytest.mark.parametrize(
    ("model", "shape", "classes", "weights", "weighted_layers"),
    [
        ("mlp", (28, 28, 1), 10, 399_872, 5),
        ("cnv", (32, 32, 3), 10, 1_542_848, 9),
        ("binarynet", (32, 32, 3), 10, 14_022_016, 9),
        ("resnete18", (224, 224, 3), 1000, 11_678_912, 18 + 3),
        ("bireal18", (224, 224, 3), 1000, 11_678_912, 18 + 3),
    ],
)
def test_shapes_and_weights(
    model: str, shape: tuple[int, ...], classes: int, weights: int, weighted_layers: int
) -> None:
    network = load_network(model, MODELS)
    weighted = [p for p in network.placed() if isinstance(p.layer, Dense | Conv)]
    assert (network.input, network.output) == (shape, (classes,))
    assert count(network).weights == sum(p.weights for p in weighted) == weights
    assert len(weighted) == weighted_layers  # the residual models: 18 and 3 in shortcuts


@pytest.mark.parametrize(
    ("model", "maps"),
    [
        ("cnv", ["30x30x64", "28x28x64", "12x12x128", "10x10x128", "3x3x256", "1x1x256"]),
        ("binarynet", ["32x32x128"] * 2 + ["16x16x256"] * 2 + ["8x8x512"] * 2),
        (
            "resnete18",
            ["112x112x64"]
            + ["56x56x64"] * 4
            + ["28x28x128"] * 5
            + ["14x14x256"] * 5
            + ["7x7x512"] * 5,
        ),
    ],
)
def test_convolutions_give_the_papers_maps(model: str, maps: list[str]) -> None:
    placed = load_network(model, MODELS).placed()
    assert ["x".join(map(str, p.output)) for p in placed if p.layer.kind == "conv"] == maps


@pytest.mark.parametrize("model", ["resnete18", "bireal18"])
def test_first_and_last_layers_of_residual_models_are_real(model: str) -> None:
    weighted = [
        p.layer
        for p in load_network(model, MODELS).placed()
        if isinstance(p.layer, Dense | Conv) and getattr(p.layer, "kernel", 0) != 1
    ]
    kinds = [layer.weights for layer in weighted]
    assert kinds == ["real"] + ["binary"] * 16 + ["real"]


@pytest.mark.parametrize(
    ("model", "published"), [("resnete18", 11_699_368), ("bireal18", 11_699_112)]
)
def test_residual_models_have_the_published_number_of_parameters(
    model: str, published: int
) -> None:
    """Larq Zoo's count: four numbers a batch-norm channel and the last layer's 1000 biases too."""
    counts = count(load_network(model, MODELS))
    assert counts.weights + 4 * counts.channels + 1000 == published


MISTAKES: dict[str, tuple[str, str]] = {
    "unknown layer": (
        "[flatten, dens: 10]",
        r"layer 2: unknown layer 'dens' \(did you mean 'dense",
    ),
    "two names in one layer": ("[{flatten: null, dense: 10}]", r"layer 1: found .*one name"),
    "unknown argument": (
        "[conv: {filter: 8}]",
        r"layer 1 \(conv\): filter: .*did you mean 'filters'",
    ),
    "missing argument": ("[flatten, dense]", r"layer 2 \(dense\): units: Field required"),
    "not a number": ("[flatten, dense: many]", r"layer 2 \(dense\): units: .*found 'many'"),
    "zero units": (
        "[flatten, dense: 0]",
        r"layer 2 \(dense\): units: .*greater than or equal to 1",
    ),
    "padding": (
        "[conv: {filters: 8, padding: full}]",
        r"layer 1 \(conv\): padding: .*'same' or 'valid' .*found 'full'",
    ),
    "dense on a map": (
        "[dense: 10, batch_norm]",
        r"layer 1 \(dense\): needs flat features, found 8x8x1; put 'flatten'",
    ),
    "conv on features": (
        "[flatten, conv: 8]",
        r"layer 2 \(conv\): needs a map \(height x width x channels\), found 64",
    ),
    "window too large": (
        "[conv: {filters: 8, kernel: 9, padding: valid}]",
        r"layer 1 \(conv\): a window of 9 does not fit into 8x8x1",
    ),
    "even kernel": ("[conv: {filters: 8, kernel: 2}]", r"layer 1 \(conv\): kernel 2 is even"),
    "sign after product": (
        "[flatten, dense: 8, sign, dense: 10, batch_norm]",
        r"layer 3 \(sign\): follows a product directly; put 'batch_norm' before it",
    ),
    "missing sign": (
        "[flatten, dense: 8, batch_norm, dense: 10, batch_norm]",
        r"layer 4 \(dense\): binary weights take .* found real values; put 'sign' before it",
    ),
    "last layer": (
        "[flatten, dense: 8, batch_norm, sign]",
        r"layer 4 \(sign\): the last layer gives the logits",
    ),
    "logits not flat": (
        "[conv: 8, batch_norm]",
        r"layer 2 \(batch_norm\): the logits must be flat, found 8x8x8",
    ),
    "inside a block": (
        "[conv: 8, batch_norm, residual: {layers: [sign, {conv: {filters: 8, size: 3}}]}]",
        r"layer 3\.2 \(conv\): size: unknown key",
    ),
    "block without sign": (
        "[conv: 8, batch_norm, residual: {layers: [conv: 8, batch_norm]}, "
        "global_avg_pool, dense: {units: 10, weights: real}]",
        r"layer 3\.1 \(conv\): binary weights take .* found real values",
    ),
    "branches disagree": (
        "[conv: 8, batch_norm, residual: {layers: [sign, conv: 16, batch_norm]}]",
        r"layer 3 \(residual\): its layers give 8x8x16, its shortcut 8x8x8; they are added",
    ),
    "in the shortcut": (
        "[conv: 8, batch_norm, residual: {layers: [sign, conv: 8, batch_norm], "
        "shortcut: [conv: {filters: 8, stride: 2, kernel: 4}]}]",
        r"layer 3\.s1 \(conv\): kernel 4 is even",
    ),
    "empty": ("[]", "layers: empty"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_located_by_layer_number(case: str) -> None:
    layers, message = MISTAKES[case]
    document = {"input": [8, 8, 1], "layers": yaml.safe_load(layers)}
    with pytest.raises(ConfigError, match=message) as caught:
        parse_network(document, "broken.yaml")
    assert str(caught.value).startswith("broken.yaml: ")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a model is a mapping with 'input' and a list 'layers'"),
        ({"input": [8, 8, 1]}, "a model is a mapping"),
        ({"input": [8, 8], "layers": ["flatten"]}, r"input: \[8, 8\] is not \[height, width"),
        (
            {"inputs": [8, 8, 1], "layers": ["flatten"]},
            r"unknown key 'inputs' \(did you mean 'input'",
        ),
    ],
)
def test_mistakes_around_the_layers(document: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"broken.yaml: {message}"):
        parse_network(document, "broken.yaml")


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'binarynet'.*cnv, mlp, resnete18"):
        load_network("binary-net", MODELS)
