"""What this machine has for jobs that run beside each other: GPUs and memory. Nothing is loaded for it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

MIB = 2**20


def visible_gpus(devices: Path = Path(os.sep, "dev")) -> list[str]:
    """Names, for CUDA_VISIBLE_DEVICES, of the GPUs that jobs share, each once: EDGEBNN_GPUS; else those of
    CUDA_VISIBLE_DEVICES, but no more than there are NVIDIA devices; else numbers from 0: CUDA counts the
    devices that a container was given, whatever numbers they have in /dev."""
    given = os.environ.get("EDGEBNN_GPUS")
    if given is not None:
        return _names(given)
    present = sum(entry.name[6:].isdigit() for entry in devices.glob("nvidia*"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(number) for number in range(present)]
    return _names(visible)[:present]


def memory_mib(
    groups: Path = Path(os.sep, "proc/self/cgroup"), limits: Path = Path(os.sep, "sys/fs/cgroup")
) -> int:
    """Memory of this machine in MiB, or what a container or batch job may use of it.

    Args:
        groups: the control groups that this process is in.
        limits: folder of all control groups, where each, and those that hold it, may have a limit.
    """
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in groups.read_text().splitlines() if groups.is_file() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = limits, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = limits / "memory", "memory.limit_in_bytes"
        else:
            continue
        own = root / path.strip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root) and (folder / name).is_file():
                text = (folder / name).read_text().strip()
                least = min(least, int(text)) if text.isdigit() else least
    return least // MIB


def _names(text: str) -> list[str]:
    """As CUDA reads them: nothing counts from a -1 on."""
    names = itertools.takewhile(lambda name: name != "-1", map(str.strip, text.split(",")))
    return list(dict.fromkeys(filter(None, names)))
