"""Runs the C++ trainer on a run and its data."""

import os
import subprocess
from pathlib import Path
from typing import Any

from edgebnn.trainer.run_file import run_file


def train(
    trainer: Path,
    folder: Path,
    run: Any,
    data: Path,
    *options: object,
    initial: Path | None = None,
    kernels: str = "scalar",
) -> Any:
    """`kernels`: which sum real gradients as the definition does; integers are the same by any."""
    (folder / "run").write_text(run_file(run, initial))
    arguments = [trainer, "--run", "run", "--data", data, *options]
    arguments += ["--init", initial] if initial else []
    environment = dict(os.environ)
    if run.switches.gradient_dtype in ("f32", "f16"):
        # Vector kernels sum them in float32, the definition in float64.
        environment["EDGEBNN_KERNEL"] = kernels
    return subprocess.run(
        list(map(str, arguments)),
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
