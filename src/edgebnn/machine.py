"""What this machine has for jobs that run beside each other: GPUs and memory. Nothing is loaded for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

MIB = 2**20


def visible_gpus(devices: Path = Path(os.sep, "dev")) -> list[str]:
    """Names, for CUDA_VISIBLE_DEVICES, of the GPUs that jobs share: EDGEBNN_GPUS; else the NVIDIA devices
    present, those alone that CUDA_VISIBLE_DEVICES lets through."""
    given = os.environ.get("EDGEBNN_GPUS")
    if given is not None:
        return _names(given)
    present = [entry.name[6:] for entry in devices.glob("nvidia*") if entry.name[6:].isdigit()]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return sorted(present, key=int)
    return _names(visible)[: len(present)]


def memory_mib(
    limits: Sequence[Path] = (
        Path(os.sep, "sys/fs/cgroup/memory.max"),
        Path(os.sep, "sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ),
) -> int:
    """Memory of this machine in MiB, or what a container or batch job may use of it."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in limits:
        text = limit.read_text().strip() if limit.is_file() else ""
        if text.isdigit():
            least = min(least, int(text))
    return least // MIB


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip() not in ("", "-1")]
