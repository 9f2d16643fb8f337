"""The optimiser that a study asks for, and the schedule of its learning rate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from edgebnn.study.fields import Number, PositiveInt, Strict


class _Schedule(Strict):
    warmup: Annotated[int, Field(strict=True, ge=0, le=1 << 24)] = 0
    """Epochs before the schedule begins, in which the learning rate rises to its own in equal steps."""


class Constant(_Schedule):
    """The learning rate as it is."""

    kind: Literal["constant"] = "constant"


class Step(_Schedule):
    """The learning rate times `factor` every `every` epochs."""

    kind: Literal["step"]
    factor: Number = Field(gt=0, le=1)
    every: PositiveInt


class Plateau(_Schedule):
    """The learning rate times `factor` when validation accuracy has not risen for `patience` epochs."""

    kind: Literal["plateau"]
    factor: Number = Field(default=0.5, gt=0, lt=1)
    patience: PositiveInt = 50


class Cosine(_Schedule):
    """The learning rate falls as half a cosine does, to `floor` when the last epoch has ended."""

    kind: Literal["cosine"]
    floor: Number = Field(default=0.0, ge=0, le=3e38)


class Optimizer(Strict):
    """adam, sgd with momentum, or bop (Helwegen et al. 2019)."""

    kind: Literal["adam", "sgd", "bop"] = "adam"
    learning_rate: Number = Field(default=1e-3, ge=1e-30, le=3e38)
    schedule: Constant | Step | Plateau | Cosine = Field(default=Constant(), discriminator="kind")
    gamma: Number = Field(default=1e-4, gt=0, le=1)
    """bop only: weight of the newest gradient in the average."""
    tau: Number = Field(default=1e-8, ge=0, le=3e38)
    """bop only: threshold of the average above which a weight flips."""


def _own_keys(optimizer: Optimizer) -> Optimizer:
    """Of what a user wrote: a run's own file names every key."""
    for key in ("gamma", "tau"):
        if key in optimizer.model_fields_set and optimizer.kind != "bop":
            raise ValueError(
                f"'{key}' is a key of bop alone; kind is {optimizer.kind}: leave it out"
            )
    schedule = optimizer.schedule
    if isinstance(schedule, Cosine) and schedule.floor > optimizer.learning_rate:
        raise ValueError(
            f"schedule.floor: found {schedule.floor!r}, at most learning_rate,"
            f" {optimizer.learning_rate!r}, is allowed"
        )
    return optimizer


AskedOptimizer = Annotated[Optimizer, AfterValidator(_own_keys)]
