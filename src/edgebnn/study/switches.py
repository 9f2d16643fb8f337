"""The method as a set of switches, and its named presets.

Every approximation of Wang et al. (2021) is a switch of its own, so that a row of an ablation is a
configuration and not a branch of code. What each one means, exactly: docs/numerics.md.
"""

from __future__ import annotations

from typing import Literal, Self, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest


class Switches(BaseModel):
    """What is kept between forward and backward, in which type, and which formula is used."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    activations: Literal["f32", "f16", "bool"]
    """What is kept of the activations: real values, or their signs (and the STE's bit)."""
    batch_norm: Literal["l2", "l1", "bnn", "bnn-xn"]
    """l2: the usual. l1: mean absolute deviation. bnn: l1 with the backward that needs signs only, those
    of X', after beta, which are kept anyway; bnn-xn: a trial with the signs of Xn, before beta."""
    gradient_dtype: Literal["f32", "f16", "i16", "i8", "i6"]
    """Storage of dX and dY."""
    momentum_dtype: Literal["f32", "f16", "q15", "i8", "i4"]
    """Storage of the optimiser's first moment."""
    pool_mask: Literal["f32", "bool", "index"]
    """How max-pooling remembers its winners (same results; only memory differs)."""
    ste: Literal["clip", "identity"]
    """Straight-through estimator: gradient zeroed where |X'| > 1, or passed everywhere."""
    weight_dtype: Literal["f32", "f16", "q15", "i8", "bool"]
    """Storage of the latent weights; bool: there are none, a weight is its sign, and bop flips it."""
    weight_gradient: Literal["f32", "bool"]
    """dW as it is, or its sign."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.activations == "bool" and self.batch_norm != "bnn":
            raise ValueError(
                f"activations: bool keeps no real activations, which the backward of batch_norm: "
                f"{self.batch_norm} needs; use batch_norm: bnn, or activations: f32 or f16"
            )
        if self.weight_gradient == "f32" and self.momentum_dtype in ("i8", "i4"):
            raise ValueError(
                f"momentum_dtype: {self.momentum_dtype} holds averages of signs, in [-1, 1]; real "
                f"gradients have no such bound; use weight_gradient: bool, or f32, f16 or q15 momenta"
            )
        return self


PRESETS: dict[str, Switches] = {
    "standard": Switches(
        activations="f32",
        batch_norm="l2",
        gradient_dtype="f32",
        momentum_dtype="f32",
        pool_mask="f32",
        ste="clip",
        weight_dtype="f32",
        weight_gradient="f32",
    ),
    "proposed": Switches(
        activations="bool",
        batch_norm="bnn",
        gradient_dtype="f16",
        momentum_dtype="q15",
        pool_mask="index",
        ste="clip",
        weight_dtype="q15",
        weight_gradient="bool",
    ),
    "lean": Switches(
        activations="bool",
        batch_norm="bnn",
        gradient_dtype="i6",
        momentum_dtype="i4",
        pool_mask="index",
        ste="clip",
        weight_dtype="i8",
        weight_gradient="bool",
    ),
    "bare": Switches(
        activations="bool",
        batch_norm="bnn",
        gradient_dtype="i6",
        momentum_dtype="i8",
        pool_mask="index",
        ste="clip",
        weight_dtype="bool",
        weight_gradient="bool",
    ),
}
"""`standard`: Courbariaux & Bengio (2016). `proposed`: Wang et al. (2021). `lean`, `bare`: ours."""


def preset_name(switches: Switches) -> str:
    """The preset these switches are, or `custom`."""
    return next((name for name, preset in PRESETS.items() if preset == switches), "custom")


def methods_of(presets: list[str], changes: list[str]) -> dict[str, Switches]:
    """Presets by name, each but `standard` with the given `key=value` changes.

    Raises:
        ConfigError: an unknown preset, switch or value.
    """
    for name in presets:
        if name not in PRESETS:
            raise ConfigError(
                f"unknown preset '{name}'{nearest(name, PRESETS)}; presets are {', '.join(PRESETS)}"
            )
    fields = Switches.model_fields
    changed: dict[str, str] = {}
    for change in changes:
        key, _, value = change.partition("=")
        if key not in fields:
            raise ConfigError(
                f"unknown switch '{key}'{nearest(key, fields)}; switches are {', '.join(fields)}"
            )
        allowed = get_args(get_type_hints(Switches)[key])
        if value not in allowed:
            raise ConfigError(f"switch {key}: found '{value}', allowed are {', '.join(allowed)}")
        changed[key] = value
    methods = {}
    for name in presets:
        if name == "standard" or not changed:
            methods[name] = PRESETS[name]
            continue
        try:
            methods[f"{name} {' '.join(changes)}"] = Switches(
                **{**PRESETS[name].model_dump(), **changed}
            )
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{name} with {' '.join(changes)}: {message}") from None
    return methods
