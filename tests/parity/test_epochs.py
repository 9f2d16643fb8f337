"""The C++ trainer against the emulation over whole epochs, from the same seed and data."""

import json
from pathlib import Path
from typing import Any

import keras
import pytest
from cases import Case
from run_trainer import train

from edgebnn.data.datasets import read_packed
from tests.sampled import one_in


@pytest.mark.parametrize(
    ("preset", "model", "augmentation", "schedule"),
    one_in(
        5,
        [
            ("standard", "mlp", {}, {"kind": "step", "factor": 0.25, "every": 2}),
            ("proposed", "mlp", {"shift": 0.15, "flip": True}, {"kind": "cosine", "floor": 1e-5}),
            (
                "standard",
                "pool-after",
                {"shift": 0.3, "fill": "zero"},
                {"kind": "cosine", "warmup": 2},
            ),
            (
                "proposed",
                "pool-before",
                {},
                {"kind": "step", "factor": 0.5, "every": 1, "warmup": 1},
            ),
            ("bare", "mlp", {}, {"kind": "step", "factor": 0.7, "every": 1, "warmup": 1}),
        ],
    ),
)
def test_epochs(
    preset: str,
    model: str,
    augmentation: Any,
    schedule: Any,
    *,
    trainer: Path,
    data_file: Any,
    tmp_path: Path,
) -> None:
    """Shuffles, augmentation, schedules, moving statistics and evaluation: the series of epochs."""
    from edgebnn.emulation.batches import evaluation_batches, training_batches
    from edgebnn.emulation.model import compiled_model
    from edgebnn.emulation.precision import exact_sums
    from edgebnn.emulation.schedule import learning_rate

    case = Case(
        preset,
        "digits",
        (64, 33),
        100,
        optimizer={"schedule": schedule},
        model=model,
        augmentation=augmentation,
    )
    run = case.run.model_copy(update={"epochs": 4})
    data = data_file("digits")
    done = train(trainer, tmp_path, run, data)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.splitlines()[-1])
    packed = read_packed(data)
    emulated = compiled_model(run, jit_compile=False)

    class Rate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = learning_rate(
                run.optimizer, [0.0] * epoch, run.epochs
            )

    with exact_sums():
        history = emulated.fit(
            training_batches(run, packed.train, 0, run.epochs),
            steps_per_epoch=len(packed.train.labels) // run.batch_size,
            epochs=run.epochs,
            validation_data=evaluation_batches(packed.validation),
            callbacks=[Rate()],
            shuffle=False,
            verbose=0,
        ).history
        test = emulated.evaluate(evaluation_batches(packed.test), verbose=0, return_dict=True)
    for name, points in record["series"].items():
        assert [step for step, _ in points] == [1, 2, 3, 4]
        expected = history[name.replace("validation_", "val_")]
        assert [value for _, value in points] == pytest.approx(expected, rel=1e-5), name
    assert record["metrics"]["test_accuracy"] == pytest.approx(test["accuracy"], rel=1e-6)
    assert record["metrics"]["test_loss"] == pytest.approx(test["loss"], rel=1e-5)
    assert record["metrics"]["best_validation_accuracy"] == pytest.approx(
        max(history["val_accuracy"]), rel=1e-6
    )
