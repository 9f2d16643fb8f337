"""A run: one job of one stage, by everything that its result depends on.

Its id is made of what determines its result and of nothing else, so that the same question asked
by two studies has one answer, and renaming an experiment repeats no work.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edgebnn.study.config import Augmentation, KerasNetwork
from edgebnn.study.network import Network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.switches import Switches, preset_name

Stage = Literal["memory", "emulate", "device", "baseline", "profile"]
BOARD_STAGES: tuple[Stage, ...] = ("device", "baseline")
"""Those that run on the farm."""


class Run(BaseModel):
    """One job of one stage, complete: what a stage needs to know, and what its result depends on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage
    dataset: str
    data_digest: str | None = None
    """Of the data set's bytes, for a training: a memory model depends on the images' shape alone."""
    model: str
    network: Network
    switches: Switches
    optimizer: Optimizer
    batch_size: int
    micro_batch: int | None = Field(default=None, exclude_if=lambda value: value is None)
    """Of an emulation: images at once; None, which stands in no file and no id: the whole batch."""
    augmentation: Augmentation = Augmentation()
    epochs: int | None = None
    batches: int | None = Field(default=None, exclude_if=lambda value: value is None)
    """After which a training ends, if its epochs have not before; of a baseline, those that are timed."""
    seed: int | None = None
    board: str | None = None
    devices: tuple[str, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Of its board, those that may do it; empty: any."""
    backend: str | None = None
    """Of Keras, for an emulation."""
    kernel: str | None = None
    """The variant of the trainer's kernels that is forced on a device; None: its best."""
    keras: KerasNetwork | None = Field(default=None, exclude_if=lambda value: value is None)
    """Of a baseline: which network plain Keras trains."""
    profile: bool = Field(default=False, exclude_if=lambda value: not value)
    """Of a baseline: whether a second, short run notes the memory over time."""
    init: str | None = Field(default=None, exclude_if=lambda value: value is None)
    """Of a training, what it begins from: the id of a run, or a file's digest and suffix."""
    freeze: tuple[int, ...] = Field(default=(), exclude_if=lambda value: not value)
    """Numbers of layers whose weights stay as they began."""

    @property
    def id(self) -> str:
        """Readable beginning, then a digest of all fields: `digits-mlp-proposed-b200-s0-0123456789`."""
        seed = "" if self.seed is None else f"-s{self.seed}"
        digest = hashlib.sha256(canonical_json(self).encode()).hexdigest()[:10]
        return f"{self.dataset}-{self.model}-{self.method}-b{self.batch_size}{seed}-{digest}"

    @property
    def micro_batches(self) -> int:
        """Of which a batch consists."""
        return self.batch_size // (self.micro_batch or self.batch_size)

    @property
    def pack(self) -> str | None:
        """The name of the packed data set that it trains on; None for what trains nothing."""
        return f"{self.dataset}-{self.data_digest}" if self.data_digest else None

    @property
    def method(self) -> str:
        """The preset that the switches are, or `custom`; of a baseline, `keras-` and its network."""
        return f"keras-{self.keras}" if self.keras else preset_name(self.switches)

    def parameters(self) -> dict[str, str | int | float]:
        """The run as flat names and scalars, for records and MLflow."""
        flat: dict[str, str | int | float] = {
            "dataset": self.dataset,
            "input": "x".join(map(str, self.network.input)),
            "classes": self.network.output[0],
            "model": self.model,
            "method": self.method,
            "batch_size": self.batch_size,
            "optimizer": self.optimizer.kind,
            "learning_rate": self.optimizer.learning_rate,
            **{
                "schedule" if name == "kind" else f"schedule_{name}": value
                for name, value in self.optimizer.schedule.model_dump().items()
            },
            **({} if self.keras else self.switches.model_dump()),
        }
        if self.optimizer.kind == "bop":
            flat |= {"gamma": self.optimizer.gamma, "tau": self.optimizer.tau}
        if self.stage != "memory":
            flat |= {
                "augmentation_shift": self.augmentation.shift,
                "augmentation_fill": self.augmentation.fill,
                "augmentation_flip": str(self.augmentation.flip).lower(),
            }
        where = ("board", "backend", "kernel")
        for name in ("micro_batch", "data_digest", "epochs", "batches", "seed", "init", *where):
            value = getattr(self, name)
            if value is not None:
                flat[name] = value
        for name, values in (("freeze", self.freeze), ("devices", self.devices)):
            if values:
                flat[name] = ", ".join(map(str, values))
        return flat


class PlannedRun(BaseModel):
    """A run under the name by which an experiment asked for it."""

    stage: Stage
    run_id: str
    method: str
    data: str | None = None
    """The packed data set that the run needs."""


def canonical_json(model: BaseModel) -> str:
    """JSON with sorted keys and no spaces: equal models, equal text."""
    return json.dumps(model.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
