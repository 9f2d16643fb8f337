"""Max pooling whose gradient goes to one winner a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from edgebnn.emulation.layers.arguments import at_least_one, one_of
from edgebnn.emulation.layers.layer import Layer
from edgebnn.emulation.layers.registry import register
from edgebnn.emulation.layers.window import PADDINGS, check_map, positions


@register
class MaxPool2D(Layer):
    """Largest of each size x size window: [B, h, w, c] -> [B, h', w', c].

    On products, before a batch norm, or on signs, where it is an OR. `valid` leaves out the rows and
    columns that fill no window; `same` pads as TensorFlow does, with what never wins. Backward: dX
    is dY at the first largest element of its window, row by row, and 0 elsewhere (docs/numerics.md,
    "Convolution and pooling"); of disjoint windows the values stay as they were stored.

    Raises:
        ValueError: an argument, or an input's shape, that is not allowed: its sides must be known.
    """

    arguments = ("size", "stride", "padding")

    def __init__(
        self, size: int = 2, stride: int = 2, padding: str = "valid", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.size = at_least_one("MaxPool2D", "size", size)
        self.stride = at_least_one("MaxPool2D", "stride", stride)
        self.padding = one_of("MaxPool2D", "padding", padding, PADDINGS)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        check_map("MaxPool2D", input_shape, self.size, self.padding)
        if None in input_shape[1:]:
            raise ValueError(
                f"MaxPool2D: found an input of shape {tuple(input_shape)}: all but the batch must be "
                f"known; give it to keras.Input"
            )

    def call(self, x: Any) -> Any:
        borders = [self._border(side) for side in x.shape[1:3]]
        if any(border != (0, 0) for border in borders):
            if self.padding == "valid":
                x = x[:, : x.shape[1] + borders[0][1], : x.shape[2] + borders[1][1]]
            else:
                x = ops.pad(x, [(0, 0), *borders, (0, 0)], constant_values=-np.inf)
        return self._pool(x)

    def _border(self, side: int) -> tuple[int, int]:
        """What is added (or, if negative, cut off) before and after an axis: windows then fit it."""
        total = (self._positions(side) - 1) * self.stride + self.size - side
        if self.padding == "valid":
            return 0, min(total, 0)
        total = max(total, 0)
        return total // 2, total - total // 2

    def _positions(self, side: int | None) -> Any:
        return positions(side, self.size, self.stride, self.padding)

    def _pool(self, x: Any) -> Any:
        """Of a map that its windows fit."""
        size, stride = self.size, self.stride
        _, height, width, channels = x.shape
        rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
        places = [(y, x_) for y in range(size) for x_ in range(size)]
        spread = (rows - 1) * stride + 1, (columns - 1) * stride + 1

        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def pool(x: Any) -> Any:
            elements = [
                x[:, y : y + spread[0] : stride, x_ : x_ + spread[1] : stride] for y, x_ in places
            ]
            largest = elements[0]
            for element in elements[1:]:
                largest = ops.maximum(largest, element)

            def grad(*args: Any, upstream: Any = None) -> Any:
                dy = args[0] if upstream is None else upstream
                free, parts = None, []
                for element in elements:
                    wins = element == largest
                    first = wins if free is None else ops.logical_and(free, wins)
                    parts.append(ops.where(first, dy, np.float32(0)))
                    lost = ops.logical_not(wins)
                    free = lost if free is None else ops.logical_and(free, lost)
                if stride == size:
                    return _side_by_side(parts)
                dx = ops.zeros_like(x)
                for part, place in zip(parts, places, strict=True):
                    dx = dx + _placed(part, place, (height, width))
                return dx

            def _side_by_side(parts: list[Any]) -> Any:
                """Of disjoint windows, which fill the map: each its elements, row by row."""
                across = [
                    ops.reshape(
                        ops.stack(parts[y * size : (y + 1) * size], axis=3),
                        (-1, rows, columns * size, channels),
                    )
                    for y in range(size)
                ]
                return ops.reshape(ops.stack(across, axis=2), (-1, height, width, channels))

            def _placed(part: Any, start: tuple[int, int], sides: tuple[int, int]) -> Any:
                """The values `stride` apart, from `start`, in a map of zeros."""
                part = ops.reshape(part, (-1, rows, 1, columns, 1, channels))
                gap = (0, stride - 1)
                part = ops.pad(part, [(0, 0), (0, 0), gap, (0, 0), gap, (0, 0)])
                part = ops.reshape(part, (-1, rows * stride, columns * stride, channels))
                part = part[:, : spread[0], : spread[1]]
                ends = [
                    (at, side - at - length)
                    for at, side, length in zip(start, sides, spread, strict=True)
                ]
                return ops.pad(part, [(0, 0), *ends, (0, 0)])

            return largest, grad

        return pool(x)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, *sides, channels = input_shape
        return (batch, *(self._positions(side) for side in sides), channels)
