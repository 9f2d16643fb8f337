"""The trainer's input: a run as flat `key value` lines (docs/formats.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError
from edgebnn.study.initial import check_given
from edgebnn.study.optimizer_config import Cosine, Plateau, Step
from edgebnn.study.run import Run
from edgebnn.weights_file import checksum_of


def run_file(run: Run, initial: Path | None = None) -> str:
    """The text of a run file.

    Args:
        run: what is trained.
        initial: file of the weights that it begins from, where it asks for some.

    Raises:
        ConfigError: a layer for which the format has no line; initial weights that are not there.
    """
    check_given(run, initial)
    schedule = run.optimizer.schedule
    match schedule:
        case Step():
            schedule_text = f"step {schedule.factor!r} {schedule.every}"
        case Plateau():
            schedule_text = f"plateau {schedule.factor!r} {schedule.patience}"
        case Cosine():
            schedule_text = f"cosine {schedule.floor!r}"
        case _:
            schedule_text = "constant"
    if schedule.warmup:
        schedule_text += f" warmup {schedule.warmup}"
    lines = [
        "edgebnn-run 1",
        f"run_id {run.id}",
        f"seed {run.seed}",
        f"batch_size {run.batch_size}",
        f"epochs {run.epochs}",
        f"optimizer {run.optimizer.kind}",
        f"learning_rate {run.optimizer.learning_rate!r}",
        *(
            [f"gamma {run.optimizer.gamma!r}", f"tau {run.optimizer.tau!r}"]
            if run.optimizer.kind == "bop"
            else []
        ),
        f"schedule {schedule_text}",
        f"shift {run.augmentation.shift!r} {run.augmentation.fill}",
        f"flip {str(run.augmentation.flip).lower()}",
        *(f"{name} {value}" for name, value in sorted(run.switches.model_dump().items())),
        *([f"init {checksum_of(initial)}"] if initial else []),
        *([f"freeze {' '.join(map(str, run.freeze))}"] if run.freeze else []),
        "input " + " ".join(map(str, run.network.input)),
        *(f"layer {_layer_line(layer)}" for layer in run.network.layers),
    ]
    return "\n".join(lines) + "\n"


def _layer_line(layer: Any) -> str:
    match layer.kind:
        case "flatten" | "batch_norm" | "sign":
            return str(layer.kind)
        case "dense":
            return f"dense {layer.units}"
        case "conv":
            return f"conv {layer.filters} {layer.kernel} {layer.stride} {layer.padding}"
        case "max_pool":
            return f"max_pool {layer.size}"
    raise ConfigError(f"layer {layer.kind}: not yet trained on a board")
