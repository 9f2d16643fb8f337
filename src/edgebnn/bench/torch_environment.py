"""PyTorch's own environment, `build/torch`."""

from __future__ import annotations

import platform
from pathlib import Path

from edgebnn.bench.environment import environment

VERSION = "2.13.0"
"""With `+cpu` on x86-64, where the plain wheel brings gigabytes for GPUs."""


def torch_python() -> Path | None:
    """The environment's interpreter; None if PyTorch cannot be had."""
    local = "+cpu" if platform.machine() == "x86_64" else ""
    return environment("PyTorch", Path("build/torch"), [f"torch=={VERSION}{local}", "numpy"])
