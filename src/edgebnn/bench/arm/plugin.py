"""The plugin that counts instructions under qemu-user: count.c, compiled for this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from edgebnn.errors import JobError

SOURCE = Path(__file__).with_name("count.c")
PLUGIN = Path("build/bench-arm/count.so")


def counting_plugin() -> Path:
    """The plugin, compiled if it is not there or older than its source, by cc or else by ziglang.

    Raises:
        JobError: it cannot be compiled; the message ends with the compiler's.
    """
    plugin = PLUGIN.absolute()
    if plugin.exists() and plugin.stat().st_mtime > SOURCE.stat().st_mtime:
        return plugin
    plugin.parent.mkdir(parents=True, exist_ok=True)
    compiler = shutil.which("cc") or shutil.which("gcc")
    command = [compiler] if compiler else [sys.executable, "-m", "ziglang", "cc"]
    command += ["-O2", "-shared", "-fPIC", str(SOURCE), "-o", str(plugin)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise JobError(f"{SOURCE.name}: it does not compile: {done.stderr.strip()}")
    return plugin
