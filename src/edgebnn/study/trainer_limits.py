"""How large a network the C++ trainer trains, with which batch: the emulation trains any.

Its images, its 32-bit sums of gradients that share exponents (`check_sums` in rpi/src/plan.cc), and the
32-bit products of the network that it exports (rpi/src/network_file.cc). tests/trainer/test_verdicts.py
holds this to the trainer's own verdict.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgebnn.study.network import Conv, Dense, show_shape

if TYPE_CHECKING:
    from edgebnn.study.network import Network
    from edgebnn.study.switches import Switches

SIDE = 4096
"""Rows, columns and channels of an image (rpi/src/run_file.cc)."""
INT32_MAX = 2**31 - 1
LARGEST = {"i16": 8191, "i8": 127, "i6": 127}
"""Of the gradients that share exponents: the largest magnitude that dW sums, by gradient_dtype."""
PIXEL = 255


def beyond_the_trainer(network: Network, batch_size: int, switches: Switches) -> str | None:
    """The first limit that a run is beyond: what was found and what is allowed; None if there is none."""
    if max(network.input) > SIDE:
        return (
            f"images of {show_shape(network.input)}; on a device rows, columns and channels "
            f"are at most {SIDE} each"
        )
    largest = LARGEST.get(switches.gradient_dtype)
    under = f"with gradient_dtype {switches.gradient_dtype}"
    products = [p for p in network.placed() if isinstance(p.layer, (Dense, Conv))]
    for place in products:
        first = place is products[0]
        here = f"layer {place.number} ({place.layer.kind})"
        units, positions = place.output[-1], math.prod(place.output[:-1])
        if place.fan_in * (PIXEL if first else 1) >= INT32_MAX:
            return f"{here}: {place.fan_in} inputs a unit are too many for a device's 32-bit sums"
        if largest is None:
            continue
        if batch_size * positions > INT32_MAX // largest:
            return (
                f"device.batch_size: found {batch_size}, on a device at most "
                f"{INT32_MAX // largest // positions} is allowed {under} ({here})"
            )
        taps = place.layer.kernel**2 if isinstance(place.layer, Conv) else 1
        reads = min(taps, positions)
        if not first and units * reads > INT32_MAX // LARGEST["i16"]:
            return (
                f"{here}: {units} units, on a device at most "
                f"{INT32_MAX // LARGEST['i16'] // reads} are allowed {under}"
            )
    return None
