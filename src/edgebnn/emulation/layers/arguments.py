"""What a layer's and an optimiser's arguments may be; anything else is refused as they are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import numpy as np

from edgebnn.study.switches import Switches


def one_of(where: str, key: str, found: Any, allowed: Iterable[str]) -> str:
    """`found`, which must be one of `allowed`.

    Raises:
        ValueError: it names the layer, the argument, what was found and what is allowed.
    """
    names = tuple(allowed)
    if not isinstance(found, str) or found not in names:
        raise ValueError(f"{where}: {key}: found {found!r}, allowed are {', '.join(names)}")
    return found


def switch_value(where: str, key: str, found: Any, switch: str = "") -> str:
    """`found`, which must be a value of the method's switch of that name (study.switches), or of `key`'s.

    Raises:
        ValueError: as `one_of`.
    """
    return one_of(where, key, found, get_args(get_type_hints(Switches)[switch or key]))


def at_least_one(where: str, key: str, found: Any) -> int:
    """`found`, which must be an integer from 1.

    Raises:
        ValueError: as `one_of`.
    """
    whole = isinstance(found, (int, np.integer)) and not isinstance(found, bool)
    if not whole or found < 1:
        raise ValueError(f"{where}: {key}: found {found!r}, allowed are integers from 1")
    return int(found)
