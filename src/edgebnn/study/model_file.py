"""A model file, `config/models/<name>.yaml`, as a network.

It holds `input: [height, width, channels]` and `layers`, a list of layer names, alone (`batch_norm`)
or with their arguments (`dense: 256`, `conv: {filters: 64, kernel: 3, padding: same}`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest
from edgebnn.study.layer_order import check_order
from edgebnn.study.network import LAYERS, Layer, Network
from edgebnn.study.yaml_file import load_yaml

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Layer)
_SCALAR_ARGUMENT = {"dense": "units", "conv": "filters", "max_pool": "size", "avg_pool": "size"}
"""The argument meant by `dense: 256`."""


def parse_network(document: Any, where: str) -> Network:
    """A network from the parsed YAML of a model file.

    Args:
        document: `{input: [h, w, c], layers: [...]}`.
        where: name of the file, for messages.

    Raises:
        ConfigError: naming the file, the layer's number and what is allowed there.
    """
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        raise ConfigError(f"{where}: a model is a mapping with 'input' and a list 'layers'")
    for key in document:
        if key not in ("input", "layers"):
            raise ConfigError(f"{where}: unknown key '{key}'{nearest(key, ('input', 'layers'))}")
    layers = _parse_layers(document["layers"], "", where)
    try:
        network = Network(input=document.get("input"), layers=layers)
    except ValidationError as error:
        raise ConfigError(
            f"{where}: input: {document.get('input')!r} is not [height, width, channels]"
        ) from error
    try:
        check_order(network)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return network


def load_network(name: str, models: Path) -> Network:
    """The network of `<models>/<name>.yaml`.

    Raises:
        ConfigError: no such model (the known ones are named), or a mistake in its file.
    """
    path = models / f"{name}.yaml"
    known = sorted(file.stem for file in models.glob("*.yaml"))
    if name not in known:
        raise ConfigError(
            f"model '{name}': no such file {path}{nearest(name, known)}; "
            f"models there: {', '.join(known) or 'none'}"
        )
    return parse_network(load_yaml(path), str(path))


def _parse_layers(entries: list[Any], prefix: str, where: str) -> tuple[Any, ...]:
    return tuple(
        _parse_layer(entry, f"{prefix}{number}", where) for number, entry in enumerate(entries, 1)
    )


def _parse_layer(entry: Any, number: str, where: str) -> Any:
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ConfigError(
            f"{where}: layer {number}: found {entry!r}; a layer is one name, or one 'name: arguments'"
        )
    kind, arguments = next(iter(entry.items()))
    if kind not in LAYERS:
        raise ConfigError(
            f"{where}: layer {number}: unknown layer '{kind}'{nearest(kind, LAYERS)}; "
            f"layers are {', '.join(LAYERS)}"
        )
    if arguments is None:
        arguments = {}
    elif kind in _SCALAR_ARGUMENT and not isinstance(arguments, dict):
        arguments = {_SCALAR_ARGUMENT[kind]: arguments}
    if not isinstance(arguments, dict):
        raise ConfigError(
            f"{where}: layer {number} ({kind}): found {arguments!r} for its arguments"
        )
    arguments = dict(arguments)
    if kind == "residual":
        for branch, letter in (("layers", ""), ("shortcut", "s")):
            if branch in arguments:
                if not isinstance(arguments[branch], list):
                    raise ConfigError(
                        f"{where}: layer {number} (residual): '{branch}' is not a list"
                    )
                arguments[branch] = _parse_layers(arguments[branch], f"{number}.{letter}", where)
    try:
        return _ADAPTER.validate_python({"kind": kind, **arguments})
    except ValidationError as error:
        problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in problem["loc"][1:]) or kind
        allowed = [field for field in LAYERS[kind].model_fields if field != "kind"]
        hint = nearest(key, allowed) if problem["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{where}: layer {number} ({kind}): {key}: {problem['msg']}"
            f" (found {problem['input']!r}){hint}"
        ) from None
