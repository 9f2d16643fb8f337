"""Loading the backend: what it says, and what it leaves out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BACKENDS = pytest.mark.parametrize("backend", ["tensorflow", "jax"])
WARNING = "warning: CUDA_VISIBLE_DEVICES=none-such: {} finds no such GPU; the CPU computes"


@pytest.mark.slow
@BACKENDS
@pytest.mark.parametrize(("asked", "said"), [("none-such", [WARNING]), ("-1", []), ("", [])])
def test_a_gpu_that_is_not_there_is_missed(asked: str, said: list[str], backend: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from edgebnn.emulation.backend import load_backend as l; l(); l()"],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": asked, "KERAS_BACKEND": backend},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert warnings == [line.format(backend) for line in said]


@pytest.mark.slow
@BACKENDS
def test_what_is_not_needed_is_not_imported_but_can_be(backend: str) -> None:
    """Pandas, say, is a dependency: left alone, Keras would load it for every job."""
    lines = (
        "import sys",
        "from edgebnn.emulation.backend import load_backend",
        "load_backend()",
        "import edgebnn.emulation.model, edgebnn.emulation.train, edgebnn.emulation.batches",
        "print(*{'jax', 'matplotlib', 'pandas', 'sklearn', 'torch'} & set(sys.modules))",
        "import pandas, sklearn",
    )
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)],
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == (["jax"] if backend == "jax" else [])


@pytest.mark.slow
@pytest.mark.parametrize("users", [None, "--xla_cpu_enable_fast_math=false"])
def test_one_thread_takes_a_steps_programs_in_order_and_leaves_the_users_flags(
    users: str | None,
) -> None:
    lines = (
        "import os, edgebnn.emulation.backend as backend",
        "backend.load_backend(1)",
        "print(os.environ.get('XLA_FLAGS'))",
        "os.environ['XLA_FLAGS'] = '--no-such-flag'",  # would end XLA if it read its flags only now
        "import tensorflow as tf",
        "print(int(tf.function(lambda: tf.constant(6) * 7, jit_compile=True)()))",
    )
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)],
        env=environment if users is None else {**environment, "XLA_FLAGS": users},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == [str(users), "42"]
