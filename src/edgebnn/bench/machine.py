"""What a machine is called in a record: its processor, its cores and what they can do; never its name."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

ISAS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512vbmi",
    "avx512_vpopcntdq",
    "amx_int8",
    "asimd",
    "asimddp",
    "neon",
)
"""Those of the processor's flags that kernels are written for."""


def machine(cpuinfo: str | None = None, cores: int | None = None) -> str:
    """`Linux x86_64, Some Processor, 2 cores, avx2 avx512f`.

    Args:
        cpuinfo: the text of /proc/cpuinfo; None: this machine's.
        cores: None: this machine's.
    """
    text = Path("/proc/cpuinfo").read_text() if cpuinfo is None else cpuinfo
    model = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    flags = found[1].split() if found else []
    parts = [
        f"{platform.system()} {platform.machine()}",
        model[1].strip() if model else "unknown processor",
        f"{cores or os.cpu_count()} cores",
        " ".join(isa for isa in ISAS if isa in flags) or "no known vector instructions",
    ]
    return ", ".join(parts)
