"""The C++ trainer, built once, small data to train on, and run files to train by."""

from __future__ import annotations

import json
import struct
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, write_packed
from edgebnn.study.switches import PRESETS

ROOT = Path(__file__).parents[2]
SHAPE, CLASSES = (6, 5, 2), 4
TRAIN, VALIDATION, TEST = 400, 60, 70
NETWORKS = {
    "mlp": (
        "flatten", "dense 33", "batch_norm", "sign", "dense 65", "batch_norm", "sign",
        f"dense {CLASSES}", "batch_norm",
    ),
    "conv": (  # a pool in each of its places
        "conv 9 3 1 same", "max_pool 2", "batch_norm", "sign",
        "conv 17 3 1 same", "batch_norm", "sign", "max_pool 2",
        "flatten", f"dense {CLASSES}", "batch_norm",
    ),
    "stride": (  # padding below and on the right alone
        "conv 9 3 2 same", "batch_norm", "sign", "conv 17 3 2 same", "batch_norm", "sign",
        "flatten", f"dense {CLASSES}", "batch_norm",
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def programs(built: Any) -> Path:
    """`build/native`."""
    return built("native")


def packed(classes: int = CLASSES) -> Packed:
    """Noisy copies of one random image a class: learnt in a few epochs."""
    rng = np.random.default_rng(1)
    prototypes = rng.integers(0, 160, (CLASSES, *SHAPE))

    def split(count: int) -> Split:
        labels = rng.integers(0, CLASSES, count).astype(np.uint8)
        images = prototypes[labels] + rng.integers(0, 96, (count, *SHAPE))
        return Split(images.astype(np.uint8), labels)

    return Packed(classes, split(TRAIN), split(VALIDATION), split(TEST))


@dataclass
class Job:
    """A run file, its data and a folder: `job.train()` runs the trainer there.

    `keys` replaces lines of the run file by key; `layers` are its layer lines, those of
    NETWORKS[network] if there are none.
    """

    program: Path
    folder: Path
    data: Path
    preset: str = "proposed"
    keys: dict[str, Any] = field(default_factory=dict)
    network: str = "mlp"
    layers: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()

    @property
    def output(self) -> Path:
        return self.folder / "record.json"

    def text(self) -> str:
        keys = {
            "run_id": "small",
            "seed": 3,
            "batch_size": 50,
            "epochs": 5,
            "optimizer": "adam",
            "learning_rate": 0.01,
            "schedule": "constant",
            "shift": 0.0,
            "flip": "false",
            **PRESETS[self.preset].model_dump(),
            "input": " ".join(map(str, SHAPE)),
            **self.keys,
        }
        lines = [f"{key} {value}" for key, value in keys.items()]
        lines += [f"layer {layer}" for layer in self.layers or NETWORKS[self.network]]
        return "\n".join(["edgebnn-run 1", *lines, ""])

    def command(self, *options: object) -> list[str]:
        """Writes the run file; returns the command line."""
        run = self.folder / "a.run"
        run.write_text(self.text())
        arguments = [*self.runner, self.program, "--run", run, "--data", self.data, *options]
        return list(map(str, arguments))

    def train(self, *options: object, environment: Any = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options), check=False, capture_output=True, text=True, env=environment
        )

    def record(self, *options: object) -> Any:
        """The record of a run that must succeed."""
        done = self.train(*options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.ebd"
    write_packed(path, packed())
    return path


@pytest.fixture(scope="session")
def mislabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels up to 3 under a header that says three classes, 0 to 2."""
    path = tmp_path_factory.mktemp("data") / "mislabelled.ebd"
    write_packed(path, packed(classes=3))
    return path


@pytest.fixture
def job(programs: Path, data: Path, tmp_path: Path) -> Job:
    return Job(programs / "edgebnn-train", tmp_path, data)


MEASURED = ("_s", "_bytes", "threads")  # ends of the names of metrics that no two processes share


@dataclass
class Content:
    """A checkpoint, read as docs/formats.md has it."""

    text: str
    position: tuple[Any, ...]
    series: list[tuple[float, ...]]
    state: bytes

    @property
    def steps(self) -> int:
        return int(self.position[2])


def read_checkpoint(path: Path) -> Content:
    data = path.read_bytes()
    magic, version, text_bytes, size, _, zero = struct.unpack_from("<8sIIQII", data)
    assert (magic, version, size, zero) == (b"EDGEBNNC", 1, len(data), 0)
    assert struct.unpack("<I", data[-4:]) == (zlib.crc32(data[:-4]),)
    at = 32 + text_bytes
    position = struct.unpack_from("<3QdQd2dQ3dQd d3Q", data, at)
    at += 18 * 8
    epochs, times = position[0], position[-1]
    series = []
    for count in (epochs, epochs, epochs, epochs, times):
        series.append(struct.unpack_from(f"<{count}d", data, at))
        at += 8 * count
    return Content(data[32 : 32 + text_bytes].decode(), position, series, data[at:-4])


@dataclass
class Outcome:
    events: list[Any]
    said: str

    def of(self, event: str) -> list[Any]:
        return [found for found in self.events if found["event"] == event]

    @property
    def record(self) -> Any:
        """What two runs share."""
        record = self.events[-1]
        assert record["event"] == "record"
        metrics = record["metrics"].items()
        same = {name: value for name, value in metrics if not name.endswith(MEASURED)}
        return {**record, "metrics": same}


@dataclass
class Saved:
    """A job with its checkpoint."""

    job: Any

    @property
    def path(self) -> Path:
        return Path(self.job.folder / "state")

    @property
    def previous(self) -> Path:
        return Path(f"{self.path}.previous")

    @property
    def part(self) -> Path:
        return Path(f"{self.path}.part")

    def command(self, *options: object) -> list[str]:
        words: list[object] = ["--checkpoint", self.path, "--checkpoint-every", 0, *options]
        return list(self.job.command(*words))

    def train(self, *options: object, status: int = 0) -> Outcome:
        done = subprocess.run(
            self.command(*options), check=False, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == status, done.stderr
        return Outcome([json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    def resume(self, *options: object, status: int = 0) -> Outcome:
        return self.train("--resume", *options, status=status)

    def content(self, path: Path | None = None) -> Content:
        """What the newest checkpoint holds, or another file."""
        return read_checkpoint(path or self.path)

    def remove(self) -> None:
        for path in (self.path, self.previous, self.part):
            path.unlink(missing_ok=True)


@pytest.fixture
def saved(job: Any) -> Saved:
    return Saved(job)
