"""The loss of each stretch of steps, by the trainer and by the emulation, from the same packed file and seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgebnn.bench.curves.compare import STRETCH
from edgebnn.bench.ours import events_of
from edgebnn.data.datasets import Packed, Split, read_packed, write_packed
from edgebnn.errors import JobError
from edgebnn.study.run import Run
from edgebnn.trainer.run_file import run_file

NEVER_S = 10**9
"""Between checkpoints within an epoch: the one at a process's end is enough."""


def write_training_images(data: Packed, path: Path) -> None:
    """Writes the training images, and one image each to validate and to test, which no curve needs."""
    one, other = (Split(s.images[:1], s.labels[:1]) for s in (data.validation, data.test))
    write_packed(path, Packed(data.classes, data.train, one, other))


def trainer_losses(trainer: Path, run: Run, data: Path, steps: int, threads: int) -> list[float]:
    """Trains by `edgebnn-train`, a process a stretch, each from the checkpoint of the one before.

    The trainer says the mean loss of an epoch, or of what it has done of it. What this grows by is the
    stretch's own.

    Args:
        trainer: the built program.
        run: with seed, and epochs enough for the steps.
        data: the packed file; the run file and the checkpoint are written beside it.
        steps: a multiple of STRETCH.

    Returns:
        The mean loss of each stretch.

    Raises:
        JobError: the trainer failed; the message is its own.
    """
    file, checkpoint = (data.with_suffix(f".{run.id}.{kind}") for kind in ("run", "checkpoint"))
    file.write_text(run_file(run))
    options = ["--run", str(file), "--data", str(data), "--threads", str(threads), "--verified"]
    options += ["--checkpoint", str(checkpoint), "--checkpoint-every", str(NEVER_S), "--resume"]
    per_epoch = len(read_packed(data).train.labels) // run.batch_size
    losses: list[float] = []
    before = 0.0  # of the epoch under way, when the stretch begins
    for end in range(STRETCH, steps + 1, STRETCH):
        events = events_of(trainer, [*options, "--steps", str(end)], run.id)
        *whole, last = (event["loss"] for event in events if event["event"] == "epoch")
        total = sum(whole) * per_epoch + last * ((end - 1) % per_epoch + 1)
        losses.append((total - before) / STRETCH)
        before = last * (end % per_epoch)
    for path in (file, *data.parent.glob(f"{checkpoint.name}*")):
        path.unlink()
    return losses


def emulation_losses(run: Run, data: Path, steps: int, threads: int) -> list[float]:
    """Trains in Keras as the stage `emulate` does, and compiled as there.

    Args:
        run: as for the trainer.
        data: the packed file.
        steps: as for the trainer.

    Returns:
        The mean loss of each stretch.

    Raises:
        JobError: the loss is no number.
    """
    from edgebnn.emulation.backend import load_backend

    load_backend(threads)
    import keras

    from edgebnn.emulation.batches import centred, training_images
    from edgebnn.emulation.model import compiled_model

    keras.backend.clear_session()
    model = compiled_model(run, jit_compile=True)
    batches = training_images(run, read_packed(data).train, 0, run.epochs or 1)

    def of_steps() -> Iterator[float]:
        for number, (images, labels) in enumerate(itertools.islice(batches, steps), 1):
            model.reset_metrics()
            loss = float(model.train_on_batch(centred(images), labels, return_dict=True)["loss"])
            if not math.isfinite(loss):
                raise JobError(f"{run.id}: emulation, step {number}: the loss is no number")
            yield loss

    means: list[float] = np.fromiter(of_steps(), float).reshape(-1, STRETCH).mean(axis=1).tolist()
    return means
