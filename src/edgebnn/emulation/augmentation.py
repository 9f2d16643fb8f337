"""Random shifts and mirrorings of training images, drawn per position of an epoch.

Integer steps on uint8 pixels (docs/numerics.md, "Augmentation"), so that both engines make the same
images. After Wang et al. (2021), section 6: shifts of up to 15 % of a side on CIFAR-10 and SVHN,
mirroring on CIFAR-10.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgebnn.emulation.random import AUGMENTATION, draws

Images = NDArray[np.uint8]


def augment(
    images: Images,
    seed: int,
    epoch: int,
    positions: Any,
    *,
    shift: float = 0.0,
    fill: Literal["edge", "zero"] = "edge",
    flip: bool = False,
) -> Images:
    """Each image shifted by whole pixels, then mirrored left to right or not.

    Args:
        images: uint8 [B, height, width, channels].
        seed: the run's.
        epoch: from 0.
        positions: integers [B], each image's position in the epoch's order (0..n-1).
        shift: share of a side, in [0, 0.5): up to floor(shift·side) pixels either way.
        fill: of what a shift leaves empty: the edge repeated, or 0.
        flip: mirror every image with probability 1/2.

    Returns:
        uint8 like `images`, which it leaves as they are (and returns where there is nothing to do).
    """
    if not shift and not flip:
        return images
    height, width = images.shape[1:3]
    place = np.asarray(positions, np.uint64) * np.uint64(3)
    drawn = [draws(seed, AUGMENTATION + epoch, place + np.uint64(i)) for i in range(3)]
    down, right = (
        _shifts(draw, int(shift * side)) for draw, side in zip(drawn, (height, width), strict=False)
    )
    mirrored = flip & (drawn[2] >> np.uint64(63)).astype(bool)
    rows, columns = int(shift * height), int(shift * width)
    sides = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    padded = np.pad(images, sides, "edge") if fill == "edge" else np.pad(images, sides)
    chosen = np.empty_like(images)
    starts = ((rows - down).tolist(), (columns - right).tolist(), mirrored.tolist())
    for i, (y, x, turned) in enumerate(zip(*starts, strict=True)):
        window = padded[i, y : y + height, x : x + width]
        chosen[i] = window[:, ::-1] if turned else window
    return chosen


def _shifts(draw: NDArray[np.uint64], most: int) -> NDArray[np.int64]:
    """Uniform integers in [-most, most]: the upper 32 bits, times 2·most + 1, divided by 2^32."""
    scaled = (draw >> np.uint64(32)) * np.uint64(2 * most + 1)
    return (scaled >> np.uint64(32)).astype(np.int64) - most
