"""The epochs of a training that still runs, for whoever follows it: a line of JSON each, in the folder of its state."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

FILE = "epochs.jsonl"
SERIES = ("loss", "accuracy", "validation_loss", "validation_accuracy")


def note_epoch(state: Path, epoch: int, figures: Mapping[str, float]) -> None:
    """Adds an epoch, from 1; a disk that takes no line more costs no training."""
    line = json.dumps({"epoch": epoch, **{name: figures[name] for name in SERIES}})
    with suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
        with (state / FILE).open("a") as file:
            file.write(f"{line}\n")


def noted_epochs(state: Path) -> dict[int, dict[str, float]]:
    """Epoch -> its figures, as they were told last; what is no whole line of such figures is passed over."""
    found: dict[int, dict[str, float]] = {}
    with suppress(OSError):
        for line in (state / FILE).read_text(errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                told = json.loads(line)
                figures = {name: float(told[name]) for name in SERIES}
                if all(map(math.isfinite, figures.values())):
                    found[int(told["epoch"])] = figures
    return dict(sorted(found.items()))


def forget_epochs(state: Path) -> None:
    """The training's record has them all."""
    with suppress(OSError):
        (state / FILE).unlink()
