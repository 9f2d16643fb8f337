"""What images must be, uint8 [n, height, width] or [n, height, width, channels], and what is said of others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shape = tuple[int, int, int]

COLOURS = 4
"""Channels that images usually have at most: red, green, blue, transparency."""
MOST = 65535
"""Of a side, and of channels: the packed file's."""
DARK = 32
"""Images whose largest value is below this hardly use their 256 levels."""

_MENDS = (
    (0, 1, "f", ': (x * 255).round().astype("uint8")'),
    (0, 255, "f", ': x.round().astype("uint8")'),
    (-1, 1, "f", ': ((x + 1) * 127.5).round().astype("uint8")'),
    (0, 255, "iu", ': x.astype("uint8")'),
    (-128, 127, "i", ': (x.astype("int16") + 128).astype("uint8")'),
    (0, np.inf, "iu", ': (x * (255 / x.max())).round().astype("uint8")'),
    (-np.inf, np.inf, "iuf", "; give the pixels as they were before they were changed"),
)
"""Least and largest value, kinds of type, and the expression that makes pixels of them; the first that fits."""


def image_shape(shape: tuple[int, ...], labels: int, where: str) -> Shape:
    """(height, width, channels) of an array of images.

    Args:
        shape: the array's.
        labels: how many labels it has.
        where: the file and the array, which begin a message.

    Raises:
        ConfigError: axes that are missing or in another order, with the expression that mends them.
    """
    found = f"{where}: found shape {shape}"
    axes = len(shape)
    if axes in (3, 4) and shape[-1] == labels and (shape[0] != labels or _images_last(shape)):
        order = ", ".join(map(str, (axes - 1, *range(axes - 1))))
        raise ConfigError(f"{found}; images come first: x.transpose({order})")
    if axes == 4 and _channels_first(shape):
        raise ConfigError(f"{found}; channels come last: x.transpose(0, 2, 3, 1)")
    if axes not in (3, 4):
        raise ConfigError(
            f"{where}: {axes} {'axis' if axes == 1 else 'axes'}, shape {shape}; must be images, height, width and, "
            f"in colour, channels{_reshaped(shape)}"
        )
    height, width, channels = shape[1:] if axes == 4 else (*shape[1:], 1)
    if not all(1 <= size <= MOST for size in (height, width, channels)):
        raise ConfigError(f"{found}; height, width and channels must be 1 to {MOST}")
    return height, width, channels


def check_pixels(images: NDArray[Any], where: str) -> list[str]:
    """What is odd about the values of images that can be trained on all the same.

    Raises:
        ConfigError: not uint8, with what was found and the expression that mends it.
    """
    if images.dtype != np.uint8:
        raise ConfigError(f"{where}: {_other_pixels(images)}")
    if not images.size:
        return []
    least, most = int(images.min()), int(images.max())
    if least == most:
        return [f"{where}: all pixels are {most}: there is nothing to learn from"]
    if most < DARK:
        return [
            f"{where}: found values {least} to {most}; pixels go from 0 to 255, and training suffers: "
            f"x * {255 // most}"
        ]
    return []


def _other_pixels(images: NDArray[Any]) -> str:
    """What is wrong with images that are not uint8, and what mends it."""
    found = f"found {images.dtype}"
    wanted = "pixels must be uint8 from 0 to 255"
    if images.dtype.kind == "b":
        return f'{found}, {wanted}: x.astype("uint8") * 255'
    if images.dtype.kind not in "iuf" or not images.size:
        return f"{found}, {wanted}"
    wrong = np.flatnonzero(~np.isfinite(images.reshape(len(images), -1)).all(1))
    if len(wrong):
        what = "NaN" if np.isnan(images[wrong[0]]).any() else "an infinite value"
        hint = "leave such images out, or np.nan_to_num(x)"
        return f"{found} with {what} in image {wrong[0]}, {wanted}; {hint}"
    least, most = images.min().item(), images.max().item()
    mend = next(mend for low, high, kinds, mend in _MENDS if low <= least and most <= high and images.dtype.kind in kinds)  # fmt: skip
    return f"{found} with values {least:g} to {most:g}, {wanted}{mend}"


def _channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the axes are images, channels, height, width: few channels before two sides alike.

    Signals, as images one row high, have sides that are not: (n, 1, 128, 9).
    """
    _, channels, height, width = shape
    sides = sorted((height, width))
    return 1 <= channels <= COLOURS < sides[0] and sides[1] <= 2 * sides[0]


def _images_last(shape: tuple[int, ...]) -> bool:
    """Whether the axes are height, width, channels, images, though there are as many images as rows."""
    return len(shape) == 4 and 1 <= shape[2] <= COLOURS < min(shape[0], shape[1], shape[3])


def _reshaped(shape: tuple[int, ...]) -> str:
    """A hint for images without sides: (n, 784)."""
    if len(shape) == 5 and 1 in shape[1:]:
        return f": x.squeeze({shape.index(1, 1)})"
    if len(shape) != 2 or shape[1] < 4:
        return ""
    side, colour_side = math.isqrt(shape[1]), math.isqrt(shape[1] // 3)
    if side * side == shape[1]:
        return f": x.reshape(-1, {side}, {side})"
    if 3 * colour_side * colour_side == shape[1]:
        sides = f"{colour_side}, {colour_side}"
        return (
            f": x.reshape(-1, {sides}, 3), or, where each colour is a plane, "
            f"x.reshape(-1, 3, {sides}).transpose(0, 2, 3, 1)"
        )
    return ": x.reshape(-1, height, width)"
