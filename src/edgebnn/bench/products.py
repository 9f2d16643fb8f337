"""The products of a training step, in multiply-adds, and which kernel of the trainer runs each.

A block is a weighted layer. Each has Y = X·W of [rows, fan_in]·[fan_in, units], rows being samples times
positions of the layer's window, and dW = Xᵀ·dY; all but the first have dX = dY·Wᵀ. A product of the
three has rows · fan_in · units multiply-adds, taps in the padding counted.
"""

from __future__ import annotations

import math
from collections import Counter

from edgebnn.study.network import Network
from edgebnn.study.switches import Switches

SHARED = ("i16", "i8", "i6")
"""Gradient types with shared exponents, whose sums are integers."""


def products(network: Network, batch_size: int) -> dict[str, int]:
    """Multiply-adds of a step by product: `first Y`, `first dW`, `Y`, `dX`, `dW`."""
    blocks = [
        math.prod(placed.output) * placed.fan_in * batch_size
        for placed in network.placed()
        if placed.fan_in
    ]
    later = sum(blocks[1:])
    return {"first Y": blocks[0], "first dW": blocks[0], "Y": later, "dX": later, "dW": later}


def kernels_of(switches: Switches) -> dict[str, str]:
    """Product -> the kernel that runs it."""
    shared = switches.gradient_dtype in SHARED
    integers = "byte_binary" if switches.gradient_dtype == "i6" else "short_binary"
    gradients = integers if shared else "real_binary"
    return {
        "first Y": "short_binary",
        "first dW": "integer_integer" if shared else "integer_real",
        "Y": "binary_binary",
        "dX": gradients,
        "dW": gradients,
    }


def by_kernel(network: Network, batch_size: int, switches: Switches) -> Counter[str]:
    """Multiply-adds of a step that each kernel runs."""
    kernels, total = kernels_of(switches), Counter[str]()
    for product, count in products(network, batch_size).items():
        total[kernels[product]] += count
    return total
