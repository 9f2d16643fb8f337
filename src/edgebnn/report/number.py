"""How numbers are shown: so many significant digits."""

from __future__ import annotations

import math


def number(value: float | None, digits: int = 3) -> str:
    """A value to so many significant digits, without exponents between 0.001 and a million."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, decimals)}f}"
