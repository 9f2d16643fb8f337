"""The optimiser that a study asks for, the schedule of its learning rate, and what a method makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from edgebnn.errors import ConfigError
from edgebnn.study.fields import Number, PositiveInt, Strict

if TYPE_CHECKING:
    from edgebnn.study.switches import Switches

BOP_OF_SIGNS = {"gamma": 2e-3, "tau": 0.04}
"""What bop takes by default where gradients are signs: their average is in [-1, 1]."""


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
    """bop only: weight of the newest gradient in the average; it falls as the learning rate does."""
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


def optimizer_of(asked: Optimizer, switches: Switches) -> Optimizer:
    """What a method takes where `asked` is asked for, complete.

    Without latent weights the signs take bop, and adam moves what is real, as it does under bop.
    bop's gamma and tau, where they are not given, suit the method's gradients: real ones or signs.

    Raises:
        ConfigError: sgd, where there is no latent weight that it could move.
    """
    bare = switches.weight_dtype == "bool"
    if bare and asked.kind == "sgd":
        raise ConfigError(
            "weight_dtype: bool keeps no weight that optimizer.kind: sgd could move; allowed are bop,"
            " or adam, which then moves what is real"
        )
    kind = "bop" if bare else asked.kind
    if kind != "bop":
        return asked
    signs = BOP_OF_SIGNS if switches.weight_gradient == "bool" else {}
    changes = {key: signs[key] for key in signs if key not in asked.model_fields_set}
    return asked.model_copy(update={"kind": kind, **changes})
