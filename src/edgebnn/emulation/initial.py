"""A model that begins where another training ended."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from keras import ops

from edgebnn.emulation.layers import (
    LATENT,
    BatchNorm,
    BinaryConv2D,
    BinaryDense,
    RealConv2D,
    RealDense,
)
from edgebnn.emulation.quantizers import sgn
from edgebnn.emulation.storage import store_weights
from edgebnn.errors import ConfigError
from edgebnn.weights_file import InitialWeights, Norm, read_weights

_WEIGHTED = (BinaryDense, BinaryConv2D, RealDense, RealConv2D)


def begin_from(path: Path, model: Any, weight_dtype: str) -> None:
    """Puts initial weights into a model, as it stores them; of frozen layers the signs.

    The last layer with weights, and its batch norm, begin anew if they have other units there.

    Args:
        path: the file.
        model: of `build_model`.
        weight_dtype: of its latent weights.

    Raises:
        ConfigError: no such file, or one of another network.
    """
    found = read_weights(path)
    layers, norms = _of(model, _WEIGHTED), _of(model, BatchNorm)
    if (len(found.layers), len(found.norms)) != (len(layers), len(norms)):
        raise ConfigError(
            f"{path}: {len(found.layers)} layers with weights and {len(found.norms)} batch norms; "
            f"the network has {len(layers)} and {len(norms)}"
        )
    if found.layers[-1].shape[1] != layers[-1].w.shape[-1]:
        if not layers[-1].trainable:
            raise ConfigError(f"{path}: the last layer has other units there: it cannot be frozen")
        del layers[-1], norms[-1]
    for number, (layer, w) in enumerate(zip(layers, found.layers, strict=False), 1):
        _check(f"{path}: layer with weights {number}", w.shape, _matrix(layer.w))
        stored = w
        if layer.w.name == LATENT:
            stored = store_weights(weight_dtype, w) if layer.trainable else sgn(w)
        layer.w.assign(ops.reshape(stored, layer.w.shape))
    for number, (norm, values) in enumerate(zip(norms, found.norms, strict=False), 1):
        _check(f"{path}: batch norm {number}", values.beta.shape, tuple(norm.beta.shape))
        for variable, value in zip(_rows(norm), (values.beta, values.mu, values.psi), strict=True):
            variable.assign(value)


def initial_weights_of(model: Any) -> InitialWeights:
    """What another training may begin from: a model's weights and batch norms."""
    read = ops.convert_to_numpy
    return InitialWeights(
        tuple(read(layer.w).reshape(_matrix(layer.w)) for layer in _of(model, _WEIGHTED)),
        tuple(Norm(*map(read, _rows(norm))) for norm in _of(model, BatchNorm)),
    )


def _of(model: Any, kinds: Any) -> list[Any]:
    """Layers in their order."""
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def _matrix(w: Any) -> tuple[int, int]:
    """(fan_in, units)."""
    *window, units = w.shape
    return math.prod(window), units


def _rows(norm: Any) -> tuple[Any, Any, Any]:
    return norm.beta, norm.moving_mu, norm.moving_psi


def _check(place: str, found: tuple[int, ...], needed: tuple[int, ...]) -> None:
    if found != needed:
        shown = " x ".join(map(str, found)), " x ".join(map(str, needed))
        raise ConfigError(f"{place}: found {shown[0]}, needed are {shown[1]}")
