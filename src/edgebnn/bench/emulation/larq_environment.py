"""larq's own environment, `build/larq`: it runs on Keras 2, which tf-keras brings to today's TensorFlow."""

from __future__ import annotations

from pathlib import Path

from edgebnn.bench.environment import environment

LARQ, TENSORFLOW = "0.14.0", "2.21.0"
"""TensorFlow's is the emulation's own."""


def larq_python() -> Path | None:
    """The environment's interpreter; None if larq cannot be had."""
    packages = [f"larq=={LARQ}", f"tensorflow=={TENSORFLOW}", f"tf-keras=={TENSORFLOW}"]
    return environment("larq", Path("build/larq"), packages)
