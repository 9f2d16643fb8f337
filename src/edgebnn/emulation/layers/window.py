"""Windows on a map [B, height, width, channels]: how many of them fit."""

from __future__ import annotations

from typing import Any

PADDINGS = ("same", "valid")


def positions(side: Any, window: int, stride: int, padding: str) -> Any:
    """Windows along an axis: ceil(side / stride) with `same`, else floor((side - window)/stride) + 1.

    Args:
        side: the axis's length, or None, which gives None.
    """
    if side is None:
        return None
    return -(-side // stride) if padding == "same" else (side - window) // stride + 1


def check_map(where: str, shape: tuple[int | None, ...], window: int, padding: str) -> None:
    """Raises ValueError unless `shape` is a map's, and large enough for a window."""
    if len(shape) != 4:
        raise ValueError(
            f"{where}: found an input of shape {tuple(shape)}, "
            f"allowed is [batch, height, width, channels]"
        )
    if padding == "valid" and any(side is not None and side < window for side in shape[1:3]):
        raise ValueError(
            f"{where}: found an input of shape {tuple(shape)}, on which no window of {window} x "
            f"{window} fits; allowed are larger inputs, smaller windows, and padding='same'"
        )
