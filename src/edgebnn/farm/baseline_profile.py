"""The memory of a baseline over time, from a second, short run that memray watches (baseline/keras_profile.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.baseline import keras_profile
from edgebnn.baseline.keras_profile import NO_MEMRAY
from edgebnn.errors import InfrastructureError
from edgebnn.farm.attempt import Picked
from edgebnn.farm.connection import Done
from edgebnn.farm.samples import thinned
from edgebnn.farm.transfer import get
from edgebnn.record import Metric

SCRIPT = Path(keras_profile.__file__)
BATCHES = 3
_OUTPUT = "memory.csv"
_MIB = 2**20


@dataclass(frozen=True)
class Profile:
    """What the record gets of it; without memray a note alone."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """`profile/...` -> (seconds since it began, MiB)."""
    notes: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


def profile(picked: Picked, folder: str, measure: list[str], python: str, fetched: Path) -> Profile:
    """Trains a few batches more in the prepared folder; that it fails costs the profile alone, and is said.

    Args:
        folder: the job's, with both scripts, the job and the data.
        measure: edgebnn-measure, as it is started there: the device's memory limit is kept here as well.
        python: the program.
        fetched: for what comes back.

    Raises:
        InfrastructureError: the connection dropped.
    """
    host = picked.host
    script = [python, SCRIPT.name, "--job", "job.json", "--data", "data.ebd"]
    script += ["--batches", str(BATCHES), "--output", _OUTPUT]
    limited = [*measure, "--output", "profile.json", *picked.device.memory_limit, "--"]
    done = host.try_run([*limited, *script], folder=folder, within_s=None)
    if done.status == NO_MEMRAY:
        return _absent(f"no memray in {Path(python).name} of {host.name}")
    if done.status:
        words = (done.stderr.strip().splitlines() or [f"exit status {done.status}"])[-1]
        return _absent(f"{SCRIPT.name} failed: {words}")
    try:
        get(host, f"{folder}/{_OUTPUT}", fetched / _OUTPUT)
        seconds, heap, resident = _columns(fetched / _OUTPUT)
        peak = _peak_bytes(done)
    except InfrastructureError as error:
        host.probe()
        return _absent(str(error))
    series = {"profile/heap_mib": heap / _MIB, "profile/resident_mib": resident / _MIB}
    return Profile(
        metrics={"heap_peak_mib": Metric(value=peak / _MIB, source="measured")},
        series={
            name: thinned(list(zip(seconds.tolist(), values.tolist(), strict=True)))
            for name, values in series.items()
        },
        notes={"memory_profile": f"memray, of a run of its own of {BATCHES} batches"},
        files={"memory_profile": (_OUTPUT, (fetched / _OUTPUT).read_bytes())},
    )


def _absent(why: str) -> Profile:
    return Profile(notes={"memory_profile": f"absent: {why}"})


def _columns(path: Path) -> Any:
    """Seconds, heap and resident bytes, each of shape (snapshots,); raises InfrastructureError."""
    try:
        table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
        seconds, heap, resident = table.T
    except ValueError as error:
        raise InfrastructureError(f"{path.name}: {error}") from None
    return seconds, heap, resident


def _peak_bytes(done: Done) -> float:
    for line in reversed(done.stdout.splitlines()):
        try:
            return float(json.loads(line)["heap_peak_bytes"])
        except (ValueError, TypeError, KeyError):
            continue
    raise InfrastructureError(f"{SCRIPT.name} told no peak")
