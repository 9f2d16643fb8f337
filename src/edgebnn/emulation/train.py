"""The stage `emulate`: one run, trained in Keras, into a record."""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.emulation.backend import load_backend
from edgebnn.emulation.checkpoint import Checkpoint, Progress
from edgebnn.emulation.feed import BROKEN_AT_MOST, Feed, feed_of
from edgebnn.emulation.schedule import learning_rate
from edgebnn.epochs import SERIES, forget_epochs, note_epoch
from edgebnn.errors import JobError
from edgebnn.record import Artifact, Metric, Record, file_sha256, provenance
from edgebnn.study.run import Run

STEPS_PER_EXECUTION = 20
"""At most: batches that the backend runs without coming back to Python."""


def emulate(
    run: Run,
    data: Path,
    output: Path,
    state: Path,
    *,
    progress: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    threads: int | None = None,
    images: Path | None = None,
    initial: Path | None = None,
    broken_at_most: int = BROKEN_AT_MOST,
) -> Record:
    """Trains a run to its end, continuing from its checkpoint if there is one, and writes its record.

    Args:
        run: of the stage `emulate`, with epochs and seed.
        data: the packed data set, or the index of a folder of images.
        output: the record; the best epoch's model goes beside it, to `<run id>/model.keras`.
        state: folder of the checkpoint; emptied once the record is written.
        progress: takes one line an epoch.
        threads: CPU threads at most; None: as the backend likes.
        images: the folder, if `data` is an index.
        initial: weights to begin from, where the run asks for them.
        broken_at_most: images of it that may be passed over, as they cannot be decoded.

    Raises:
        ConfigError: the run, the data or the checkpoint do not fit each other; too many images are
            broken.
        JobError: the loss is no longer finite.
        InfrastructureError: the disk cannot be written.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    feed = feed_of(run, data, images, broken_at_most, progress)
    if run.backend:
        os.environ["KERAS_BACKEND"] = run.backend
    load_backend(threads)
    from edgebnn.emulation.model import compiled_model

    steps = feed.counts[0] // run.batch_size
    model = compiled_model(
        run, initial, jit_compile=True, steps_per_execution=_divisor(steps * run.micro_batches)
    )
    checkpoint = Checkpoint(state)
    done = checkpoint.restore(run.id, model)
    feed.passed_over |= done.passed_over
    if done.epoch:
        progress(f"{run.id}: continues after epoch {done.epoch}")
    with feed.own_errors():
        _fit(run, model, feed, checkpoint, done=done, progress=progress)
        metrics = _test(model, feed, checkpoint)
    metrics |= _figures(done, steps) | feed.figures()
    artifact = _save_model(model, output.parent / run.id / "model.keras")
    record = Record(
        stage="emulate",
        run_id=run.id,
        parameters=run.parameters() | feed.parameters(),
        metrics={name: Metric(value=value, source="measured") for name, value in metrics.items()},
        series={name: list(enumerate(done.history[name], 1)) for name in SERIES},
        artifacts={
            "model": Artifact(path=f"{run.id}/{artifact.name}", sha256=file_sha256(artifact))
        },
        provenance=provenance(started, ("keras", _backend_package(), "numpy")),
    )
    record.write(output)
    forget_epochs(state)
    checkpoint.remove()
    return record


def _fit(
    run: Run,
    model: Any,
    feed: Feed,
    checkpoint: Checkpoint,
    *,
    done: Progress,
    progress: Callable[[str], None],
) -> None:
    """Trains the epochs that remain; `done` and the checkpoint follow."""
    import keras

    epochs = run.epochs or 1
    if done.epoch >= epochs:
        return
    per_execution = model.steps_per_execution

    class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
        """Times the batches, sets the learning rate, and keeps each epoch as it ends."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            rate = learning_rate(run.optimizer, done.history["validation_accuracy"], epochs)
            self.model.optimizer.learning_rate = rate
            self.seconds = 0.0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.begun = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            loss = float(logs["loss"])  # waits for the device
            seconds = time.perf_counter() - self.begun
            if not math.isfinite(loss):
                raise JobError(f"{run.id}: epoch {done.epoch + 1}: loss is {loss}")
            self.seconds += seconds
            if done.epoch > first or batch >= per_execution:  # the very first one compiles
                done.step_seconds.append(seconds / per_execution * run.micro_batches)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            for name in SERIES:
                value = float(logs[name.replace("validation_", "val_")])
                if not math.isfinite(value):
                    raise JobError(f"{run.id}: epoch {epoch + 1}: {name} is {value}")
                done.history[name].append(value)
            done.train_seconds += self.seconds
            done.peak_memory_mib = max(done.peak_memory_mib, _peak_memory_mib())
            done.passed_over = dict(feed.passed_over)
            checkpoint.save(done, self.model)
            figures = {name: done.history[name][-1] for name in SERIES}
            note_epoch(checkpoint.path.parent, done.epoch, figures)
            accuracy, validation = (done.history[n][-1] for n in ("accuracy", SERIES[3]))
            progress(
                f"{run.id}: epoch {epoch + 1}/{epochs}  loss {logs['loss']:.4f}  "
                f"accuracy {accuracy:.4f}  validation {validation:.4f}  {self.seconds:.1f} s"
            )

    first = done.epoch
    model.fit(
        feed.training(first, epochs),
        steps_per_epoch=feed.counts[0] // run.batch_size * run.micro_batches,
        initial_epoch=first,
        epochs=epochs,
        validation_data=feed.validation(),
        callbacks=[Epochs()],
        shuffle=False,
        verbose=0,
    )


def _test(model: Any, feed: Feed, checkpoint: Checkpoint) -> dict[str, float]:
    """Test figures of the last epoch's weights, then of the best epoch's, which the model keeps."""

    def evaluate() -> dict[str, float]:
        found = model.evaluate(feed.test(), verbose=0, return_dict=True)
        return {name: float(value) for name, value in found.items()}

    last = evaluate()
    for variable, value in zip(model.variables, checkpoint.best, strict=True):
        variable.assign(value)
    return {
        "test_accuracy": last["accuracy"],
        "test_loss": last["loss"],
        "test_accuracy_at_best": evaluate()["accuracy"],
        "test_images": float(len(feed.test_labels)),
        "guessing_accuracy": float(np.bincount(feed.test_labels).max() / len(feed.test_labels)),
    }


def _figures(done: Progress, steps: int) -> dict[str, float]:
    """Metrics of the training itself; a batch's time is a quantile over executions."""
    accuracies = done.history["validation_accuracy"]
    figures = {
        "validation_accuracy": accuracies[-1],
        "best_validation_accuracy": max(accuracies),
        "train_time_s": done.train_seconds,
        "peak_memory_mib": done.peak_memory_mib,
        "steps": float(steps * done.epoch),
    }
    if done.step_seconds:
        q1, median, q3 = np.quantile(done.step_seconds, (0.25, 0.5, 0.75))
        figures |= {
            "time_per_batch_s": float(median),
            "time_per_batch_q1_s": float(q1),
            "time_per_batch_q3_s": float(q3),
        }
    return figures


def _save_model(model: Any, path: Path) -> Path:
    """Saves a .keras file that takes its name only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.part.keras")
    try:
        model.save(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _divisor(steps: int) -> int:
    """The largest divisor of an epoch's steps up to STEPS_PER_EXECUTION: every execution is whole."""
    return max(d for d in range(1, STEPS_PER_EXECUTION + 1) if steps % d == 0)


def _backend_package() -> str:
    import keras

    return str(keras.backend.backend())


def _peak_memory_mib() -> float:
    """The process's largest resident set so far (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
