"""A training run's state between epochs: one file, replaced in one step, so that it is never torn.

An .npz archive (no pickle): `progress` (JSON), `now_<i>` the variables of model and optimiser,
`best_<i>` the model's variables at its best epoch.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.epochs import SERIES
from edgebnn.errors import ConfigError
from edgebnn.record import atomic_write


@dataclass
class Progress:
    """What a run has done so far."""

    run_id: str
    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SERIES})
    """A value an epoch."""
    step_seconds: list[float] = field(default_factory=list)
    """Seconds a batch, measured over `steps_per_execution` batches at a time."""
    train_seconds: float = 0.0
    """Of the batches, compilation included; validation is not."""
    peak_memory_mib: float = 0.0
    passed_over: dict[str, str] = field(default_factory=dict)
    """Images of a folder that cannot be decoded, each with why."""

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return len(self.history["loss"])

    @property
    def best_epoch(self) -> int:
        """The first epoch, from 0, of the highest validation accuracy."""
        return int(np.argmax(self.history["validation_accuracy"]))


class Checkpoint:
    """The file `<folder>/checkpoint.npz` and the weights in it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "checkpoint.npz"
        self.best: list[Any] = []
        """The model's variables as arrays, at its best epoch."""

    def save(self, progress: Progress, model: Any) -> None:
        """Keeps the model, its optimiser and the progress; raises InfrastructureError."""
        if progress.best_epoch == progress.epoch - 1:
            self.best = values(model.variables)
        arrays = {f"now_{i}": value for i, value in enumerate(values(_variables(model)))}
        arrays |= {f"best_{i}": value for i, value in enumerate(self.best)}
        text = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
        with atomic_write(self.path) as file:
            np.savez(file, progress=text, **arrays)

    def restore(self, run_id: str, model: Any) -> Progress:
        """Puts a model and its optimiser where they were, and says where that is.

        Returns:
            the progress; of epoch 0, leaving the model as it is, if there is no checkpoint.

        Raises:
            ConfigError: the file is not a checkpoint of this run.
        """
        if not self.path.exists():
            return Progress(run_id)
        variables = _variables(model)
        try:
            # Opened here: np.load leaves a file open that it finds to be torn.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                document = json.loads(archive["progress"].tobytes())
                progress = Progress(
                    **{f.name: document[f.name] for f in fields(Progress) if f.name in document}
                )
                if progress.run_id != run_id:
                    raise ValueError(f"of run {progress.run_id}")
                now = [archive[f"now_{i}"] for i in range(len(variables))]
                self.best = [archive[f"best_{i}"] for i in range(len(model.variables))]
            for variable, value in zip(variables, now, strict=True):
                variable.assign(value)
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"{self.path}: not a checkpoint of run {run_id}: {error}; remove it to start anew"
            ) from None
        return progress

    def remove(self) -> None:
        """Removes the file, and its folder if nothing else is in it."""
        self.path.unlink(missing_ok=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


def values(variables: list[Any]) -> list[Any]:
    """Copies of variables as arrays."""
    import keras

    return [np.array(keras.ops.copy(variable)) for variable in variables]


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
