"""What loading the backend says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WARNING = "warning: CUDA_VISIBLE_DEVICES=none-such: tensorflow finds no such GPU; the CPU computes"


@pytest.mark.parametrize(("asked", "said"), [("none-such", [WARNING]), ("-1", []), ("", [])])
def test_a_gpu_that_is_not_there_is_missed(asked: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from edgebnn.emulation.backend import load_backend as l; l(); l()"],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": asked, "KERAS_BACKEND": "tensorflow"},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    assert [line for line in done.stderr.splitlines() if line.startswith("warning")] == said
