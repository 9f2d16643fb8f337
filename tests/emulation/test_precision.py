"""Sums in float32, and in float64 where asked."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from edgebnn.emulation import precision


def test_sums_are_exact_only_inside() -> None:
    x = np.array([[2.0**25], [1], [-(2.0**25)], [1]], np.float32)
    with precision.exact_sums():
        assert float(precision.mean(x, [0])[0]) == 0.5
        assert float(precision.matmul(x.T, np.ones((4, 1), np.float32))[0, 0]) == 2
        assert precision.accumulator() == "float64"
    assert precision.accumulator() == "float32"


def test_sums_are_float32_again_after_an_error() -> None:
    with pytest.raises(KeyError), precision.exact_sums():
        raise KeyError
    assert precision.accumulator() == "float32"


def test_products_in_a_sum_are_exact() -> None:
    x = np.array([[1 + 2.0**-20], [1 - 2.0**-20]], np.float32)
    with precision.exact_sums():
        found = precision.mean(x, [0], x)
    expected = np.float32(np.mean(x.astype(np.float64) ** 2))
    assert np.asarray(found)[0] == expected


def test_graphs_run_as_they_were_traced_only_inside() -> None:
    """Left to itself, TensorFlow multiplies by a third, which rounds otherwise."""

    def third(x: Any) -> Any:
        return x / np.float32(3)

    x = tf.constant(np.arange(1, 1000), tf.float32)
    with precision.exact_sums():
        np.testing.assert_array_equal(tf.function(third)(x), third(x))
    assert (np.asarray(tf.function(third)(x)) != np.asarray(third(x))).any()
