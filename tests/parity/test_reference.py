"""The generator's permutations and initial weights against the plain numpy reference."""

import numpy as np
import pytest
import reference

from edgebnn.emulation.random import initial_weights, permutation


@pytest.mark.parametrize("count", [1, 2, 5, 64, 65, 257])
def test_permutation(count: int) -> None:
    for epoch in (0, 3):
        assert permutation(9, epoch, count).tolist() == reference.permutation(9, epoch, count)


def test_initial_weights() -> None:
    np.testing.assert_array_equal(
        initial_weights(3, 1, 65, 33), reference.initial_weights(3, 1, 65, 33)
    )
