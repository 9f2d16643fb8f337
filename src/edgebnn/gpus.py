"""How many GPUs this machine has, without loading anything that would take them."""

from __future__ import annotations

import os
from pathlib import Path


def count_gpus(devices: Path = Path(os.sep, "dev")) -> int:
    """NVIDIA devices present, no more than CUDA_VISIBLE_DEVICES lets through."""
    present = sum(1 for entry in devices.glob("nvidia*") if entry.name[6:].isdigit())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return present
    return min(present, sum(1 for name in visible.split(",") if name.strip() not in ("", "-1")))
