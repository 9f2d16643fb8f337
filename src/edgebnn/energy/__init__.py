"""Energy: one file a kind of meter, found by name.

`energy/<kind>.py` defines `Config`, the keys of `meter:` in the inventory and what power comes of them
(meter.py). The file alone adds the kind: validation, editors' schema and use follow.
"""

from __future__ import annotations

import functools
import operator
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

if TYPE_CHECKING:
    from edgebnn.energy.meter import MeterConfig
else:
    _modules = [
        import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
    ]
    _kinds: list[Any] = [module.Config for module in _modules if hasattr(module, "Config")]
    MeterConfig = functools.reduce(operator.or_, _kinds)
    if len(_kinds) > 1:
        MeterConfig = Annotated[MeterConfig, Field(discriminator="kind")]

__all__ = ["MeterConfig"]
