"""The trainer's own memory plan, as the trainer tells it: every buffer of its arena and where it lies.

`edgebnn-train --plan --json` plans a run without data and without training (rpi/src/plan.cc). Nothing
is planned here.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from edgebnn.errors import ConfigError, JobError
from edgebnn.study.optimizer_config import Optimizer, optimizer_of
from edgebnn.study.run import Run
from edgebnn.study.trainable import untrained_layer
from edgebnn.trainer.native import native_trainer
from edgebnn.trainer.run_file import run_file

if TYPE_CHECKING:
    from edgebnn.study.network import Network
    from edgebnn.study.switches import Switches

BAD_INPUT = 2
"""The trainer's exit status for a run that it cannot train."""
SOURCE = "/dev/stdin"

Life = tuple[int, int]
"""First and last phase of a step: forward of each block, the loss, then backward, last block first."""


class Buffer(BaseModel):
    """A buffer of the arena; `type` is that of its elements, `offset` and `bytes` are bytes."""

    name: str
    type: str
    life: Life
    bytes: int
    offset: int


class Arena(BaseModel):
    """All buffers in the order of their declaration, and the arena's bytes."""

    arena_bytes: int
    blocks: int
    """Of the network: weighted layers, each with what stands around it."""
    buffers: tuple[Buffer, ...]


def plan_arena(
    network: Network,
    batch_size: int,
    optimizer: str,
    switches: Switches,
    threads: int = 1,
    *,
    freeze: tuple[int, ...] = (),
) -> Arena:
    """The plan of the native trainer, which is built first if it is not.

    Args:
        network: shapes and layers, on the data set's input.
        batch_size: samples in a batch.
        optimizer: adam, sgd or bop.
        switches: the method.
        threads: as in the trainer's `--threads`; a job on a device has one.
        freeze: numbers of layers that are not trained.

    Raises:
        ConfigError: the trainer does not train such a run; the layer or the key is named.
        JobError: the trainer cannot be built, or fails.
    """
    if untrained := untrained_layer(network):
        raise ConfigError(f"{untrained}, so that there is no plan of the trainer's memory")
    run = Run(
        stage="device",
        dataset="none",
        model="none",
        network=network,
        switches=switches,
        optimizer=optimizer_of(Optimizer(kind=optimizer), switches),
        batch_size=batch_size,
        epochs=1,
        seed=0,
        freeze=freeze,
    )
    command = [str(native_trainer()), "--run", SOURCE, "--plan", "--json"]
    command += ["--threads", str(threads)]
    done = subprocess.run(command, input=run_file(run), check=False, capture_output=True, text=True)
    if done.returncode == BAD_INPUT:
        raise ConfigError(done.stderr.strip().removeprefix(f"edgebnn-train: {SOURCE}: "))
    try:
        return Arena.model_validate_json(done.stdout)
    except ValidationError:
        said = done.stderr.strip() or done.stdout[:200]
        raise JobError(f"{command[0]} --plan: exit status {done.returncode}: {said}") from None
