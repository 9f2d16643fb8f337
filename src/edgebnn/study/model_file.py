"""A model file, `config/models/<name>.yaml`, as a network.

It holds `input: [height, width, channels]` and `layers`, a list of layer names, alone (`batch_norm`)
or with their arguments (`dense: 256`, `conv: {filters: 64, kernel: 3, padding: same}`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edgebnn.errors import ConfigError
from edgebnn.shipped import MODELS
from edgebnn.spelling import nearest
from edgebnn.study.explain import said_of
from edgebnn.study.layer_order import check_order
from edgebnn.study.network import LAYERS, Layer, Network
from edgebnn.study.yaml_file import load_yaml
from edgebnn.study.yaml_lines import line_of

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Layer)
_USUAL = Path("config/models")
_SCALAR_ARGUMENT = {"dense": "units", "conv": "filters", "max_pool": "size", "avg_pool": "size"}
"""The argument meant by `dense: 256`."""


def parse_network(document: Any, where: str, path: Path | None = None) -> Network:
    """A network from the parsed YAML of a model file.

    Args:
        document: `{input: [h, w, c], layers: [...]}`.
        where: name of the file, for messages.
        path: to find the lines of mistakes in.

    Raises:
        ConfigError: naming the file, the line, the layer's number and what is allowed there.
    """
    try:
        return _network(document)
    except ConfigError as error:
        line = path and line_of(_place(str(error)), path)
        raise ConfigError(f"{where}: {f'line {line}: ' if line else ''}{error}") from None


def model_path(name: str, models: Path) -> Path:
    """The file of a model: `<models>/<name>.yaml`, else the one of that name that edgebnn brings.

    A folder that the user chose must be there; the usual one, `config/models`, need not.

    Raises:
        ConfigError: no such model; the known ones are named, with their folders.
    """
    path = models / f"{name}.yaml"
    own = {file.stem: file for file in sorted(models.glob("*.yaml"))}
    falls_back = models.is_dir() or models == _USUAL
    brought = {file.stem: file for file in sorted(MODELS.glob("*.yaml")) if falls_back}
    known = brought | own
    other_ending = models / f"{name}.yml"
    if name not in known or (name not in own and other_ending.exists()):
        hint = nearest(name, known)
        if other_ending.exists():
            hint = f" (rename {other_ending.name})"
        elif Path(name).stem in known:
            hint = f" (say '{Path(name).stem}', without the ending)"
        others = ""
        if brought.keys() - own.keys():
            others = f"; edgebnn's own in {MODELS}: {', '.join(brought)}"
        raise ConfigError(
            f"model '{name}': no such file {path}{hint}; "
            f"models there: {', '.join(own) or 'none'}{others}"
        )
    return known[name]


def load_network(name: str, models: Path) -> Network:
    """The network of a model.

    Raises:
        ConfigError: no such model, or a mistake in its file.
    """
    path = model_path(name, models)
    return parse_network(load_yaml(path), str(path), path)


def layer_place(number: str) -> list[str | int]:
    """Where a layer's entry stands: `4.s2` is the second of the fourth's shortcut."""
    place: list[str | int] = []
    for part in number.split("."):
        place += ["residual"] if place else []
        place += ["shortcut" if part.startswith("s") else "layers", int(part.lstrip("s")) - 1]
    return place


def _place(message: str) -> list[str | int]:
    """Where a mistake stands, from its message."""
    if layer := re.match(r"layer (\d+(\.s?\d+)*)\b", message):
        return layer_place(layer[1])
    key = re.match(r"(?:unknown key ')?(\w+)", message)
    return [key[1]] if key else []


def _network(document: Any) -> Network:
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        raise ConfigError("a model is a mapping with 'input' and a list 'layers'")
    for key in document:
        if key not in ("input", "layers"):
            raise ConfigError(f"unknown key '{key}'{nearest(str(key), ('input', 'layers'))}")
    layers = _parse_layers(document["layers"], "")
    try:
        network = Network(input=document.get("input"), layers=layers)
    except ValidationError:
        raise ConfigError(
            f"input: {document.get('input')!r} is not [height, width, channels]"
        ) from None
    check_order(network)
    return network


def _parse_layers(entries: list[Any], prefix: str) -> tuple[Any, ...]:
    return tuple(
        _parse_layer(entry, f"{prefix}{number}") for number, entry in enumerate(entries, 1)
    )


def _parse_layer(entry: Any, number: str) -> Any:
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ConfigError(
            f"layer {number}: found {entry!r}; a layer is one name, or one 'name: arguments'"
        )
    kind, arguments = next(iter(entry.items()))
    if kind not in LAYERS:
        raise ConfigError(
            f"layer {number}: unknown layer '{kind}'{nearest(str(kind), LAYERS)}; "
            f"layers are {', '.join(LAYERS)}"
        )
    if arguments is None:
        arguments = {}
    elif kind in _SCALAR_ARGUMENT and not isinstance(arguments, dict):
        arguments = {_SCALAR_ARGUMENT[kind]: arguments}
    if not isinstance(arguments, dict):
        raise ConfigError(f"layer {number} ({kind}): found {arguments!r} for its arguments")
    arguments = dict(arguments)
    if kind == "residual":
        for branch, letter in (("layers", ""), ("shortcut", "s")):
            if branch in arguments:
                if not isinstance(arguments[branch], list):
                    raise ConfigError(f"layer {number} (residual): '{branch}' is not a list")
                arguments[branch] = _parse_layers(arguments[branch], f"{number}.{letter}")
    try:
        return _ADAPTER.validate_python({"kind": kind, **arguments})
    except ValidationError as error:
        problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in problem["loc"][1:]) or kind
        allowed = [field for field in LAYERS[kind].model_fields if field != "kind"]
        said = said_of(problem)
        if problem["type"] == "extra_forbidden":
            said = (
                f"unknown key{nearest(key, allowed)}; keys here are {', '.join(allowed) or 'none'}"
            )
        raise ConfigError(f"layer {number} ({kind}): {key}: {said}") from None
