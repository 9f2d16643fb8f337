"""The products of a step against a count by hand."""

from pathlib import Path

from edgebnn.bench.products import by_kernel, products
from edgebnn.bench.rooflines import rates, seconds_at
from edgebnn.study.model_file import load_network
from edgebnn.study.network import Conv, Dense, Flatten, Network
from edgebnn.study.switches import PRESETS

MODELS = Path(__file__).parents[2] / "config" / "models"


def test_the_products_of_a_small_network() -> None:
    layers = (Conv(filters=4, padding="valid"), Conv(filters=8), Flatten(), Dense(units=10))
    network = Network(input=(6, 5, 3), layers=layers)
    first = 2 * (4 * 3) * (9 * 3) * 4  # batch, positions, fan-in, filters
    later = 2 * (4 * 3) * (9 * 4) * 8 + 2 * (4 * 3 * 8) * 10
    assert products(network, 2) == {
        "first Y": first,
        "first dW": first,
        "Y": later,
        "dX": later,
        "dW": later,
    }


def test_the_products_of_the_mlp() -> None:
    network = load_network("mlp", MODELS)
    first, later = 784 * 256 * 200, (3 * 256 * 256 + 256 * 10) * 200
    assert by_kernel(network, 200, PRESETS["lean"]) == {
        "short_binary": first,
        "byte_binary": 2 * later,
        "integer_integer": first,
        "binary_binary": later,
    }
    assert by_kernel(network, 200, PRESETS["proposed"]) == {
        "short_binary": first,
        "real_binary": 2 * later,
        "integer_real": first,
        "binary_binary": later,
    }


def test_the_least_time_of_products() -> None:
    rows = [
        {"variant": variant, "kernel": kernel, "gmac_per_s": 1.0, "roofline_gmac_per_s": most}
        for variant, kernel, most in (("a", "x", 10.0), ("a", "x", 20.0), ("a", "y", 5.0))
    ]
    found = rates([*rows, {"variant": "b", "kernel": "z", "gmac_per_s": 1.0}], "a")
    assert found == {"x": 20e9, "y": 5e9}
    assert seconds_at(found, {"x": 40 * 10**9, "y": 10**10}, 2) == 2.0
    assert seconds_at(found, {"z": 1}, 1) is None
