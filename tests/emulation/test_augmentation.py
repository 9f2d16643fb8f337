"""Shifts and mirrorings against docs/numerics.md, one pixel at a time in Python's integers."""

import numpy as np
import pytest

from edgebnn.emulation.augmentation import augment
from edgebnn.emulation.random import AUGMENTATION, draws

IMAGES = np.random.default_rng(2).integers(0, 256, (40, 7, 13, 3)).astype(np.uint8)
POSITIONS = np.arange(100, 140)


def by_hand(image, seed, epoch, position, *, shift, fill, flip):
    a, b, c = (int(draws(seed, AUGMENTATION + epoch, 3 * position + i)) for i in range(3))
    h, w, _ = image.shape
    most_y, most_x = int(shift * h), int(shift * w)
    dy = ((a >> 32) * (2 * most_y + 1) >> 32) - most_y
    dx = ((b >> 32) * (2 * most_x + 1) >> 32) - most_x
    out = np.empty_like(image)
    for y in range(h):
        for x in range(w):
            source = w - 1 - x if flip and c >> 63 else x
            inside = 0 <= y - dy < h and 0 <= source - dx < w
            out[y, x] = image[min(max(y - dy, 0), h - 1), min(max(source - dx, 0), w - 1)]
            if fill == "zero" and not inside:
                out[y, x] = 0
    return out


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3])
@pytest.mark.parametrize("fill", ["edge", "zero"])
@pytest.mark.parametrize("flip", [False, True])
def test_definition(shift, fill, flip):
    asked = {"shift": shift, "fill": fill, "flip": flip}
    found = augment(IMAGES, 9, 4, POSITIONS, **asked)
    for image, position, ours in zip(IMAGES, POSITIONS, found, strict=True):
        np.testing.assert_array_equal(ours, by_hand(image, 9, 4, int(position), **asked))


def test_any_batch_is_cut_from_the_same_epoch():
    whole = augment(IMAGES, 1, 2, POSITIONS, shift=0.3, flip=True)
    part = augment(IMAGES[7:11], 1, 2, POSITIONS[7:11], shift=0.3, flip=True)
    np.testing.assert_array_equal(whole[7:11], part)
    assert (whole != augment(IMAGES, 1, 3, POSITIONS, shift=0.3, flip=True)).any()
    assert (whole != augment(IMAGES, 2, 2, POSITIONS, shift=0.3, flip=True)).any()


def test_every_shift_comes_up_alike():
    ramp = np.zeros((30_000, 1, 32, 1), np.uint8) + np.arange(32, dtype=np.uint8)[:, None]
    seen = augment(ramp, 0, 0, np.arange(len(ramp)), shift=0.15)[:, 0, 16, 0]
    counts = np.bincount(16 - seen.astype(int) + 4)
    assert len(counts) == 9  # -4..4
    np.testing.assert_allclose(counts, len(ramp) / 9, rtol=0.06)


def test_half_are_mirrored():
    pair = np.zeros((10_000, 1, 2, 1), np.uint8)
    pair[:, 0, 1] = 1
    seen = augment(pair, 0, 0, np.arange(len(pair)), flip=True)
    assert abs(seen[:, 0, 0, 0].mean() - 0.5) < 0.02


def test_nothing_asked_nothing_done():
    assert augment(IMAGES, 0, 0, POSITIONS) is IMAGES
