"""What of the environment changes a training's figures: the backend of Keras, the trainer's kernel."""

from __future__ import annotations

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.home import at_home
from edgebnn.spelling import nearest

BACKENDS = ("tensorflow", "jax")
"""Where custom gradients work as written (not so in PyTorch's)."""


def keras_backend() -> str:
    """The backend that Keras will take: KERAS_BACKEND, else the one of its own file, else TensorFlow.

    Raises:
        ConfigError: not one of BACKENDS, or not installed.
    """
    where, backend = "KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "")
    if not backend:
        try:
            path = Path(os.environ.get("KERAS_HOME") or at_home("~/.keras"), "keras.json")
            where, backend = str(path), str(json.loads(path.read_text())["backend"])
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            return BACKENDS[0]
    if backend not in BACKENDS:
        raise ConfigError(
            f"{where}: found backend '{backend}'{nearest(backend, BACKENDS)}; "
            f"allowed are {', '.join(BACKENDS)}"
        )
    if backend == "jax" and find_spec("jax") is None:
        raise ConfigError(
            f"{where}: backend 'jax' is not installed: in this folder, "
            "pip install '.[jax]', or choose tensorflow"
        )
    return backend


def forced_kernel() -> str | None:
    """The variant of the trainer's kernels that EDGEBNN_KERNEL forces on every device; None: each
    device's best.

    Raises:
        ConfigError: no name of a variant.
    """
    kernel = os.environ.get("EDGEBNN_KERNEL") or None
    if kernel is not None and not re.fullmatch(r"[a-z0-9_]{1,32}", kernel):
        raise ConfigError(
            f"EDGEBNN_KERNEL: found {kernel!r}; a variant's name is wanted: scalar, avx2"
        )
    return kernel
