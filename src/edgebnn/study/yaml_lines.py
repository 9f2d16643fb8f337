"""On which line of a YAML file a key or an item stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from edgebnn.errors import ConfigError
from edgebnn.study.yaml_file import load_yaml


def line_of(place: Iterable[Any], path: Path) -> int | None:
    """The line of the deepest part of `place` that the file has; None if it has none, or is no YAML.

    A place is keys and indices from the top: `("experiments", 0, "seeds")`. A part that the file has not is passed over: pydantic's places name the kinds of a union too.
    """
    try:
        node = _composed(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
    line = None
    for part in place:
        found = _under(node, part)
        if found is not None:
            line, node = found
    return line


def place_in(place: Sequence[Any], document: Any, files: Sequence[Path]) -> tuple[Path, int] | None:
    """The file and the line of a place in a document that was read from files, merged by Snakemake.

    The last file that has the top key gave its value. If that is not the document's, another gave it
    (`--config` on the command line): None.
    """
    if not place or not isinstance(document, dict):
        return None
    for path in reversed(files):
        try:
            ours, theirs = load_yaml(path), yaml.safe_load(path.read_bytes())
        except (OSError, ValueError, yaml.YAMLError, ConfigError):
            continue
        if isinstance(ours, dict) and place[0] in ours:
            key = place[0]
            line = (
                line_of(place, path) if document.get(key) in (ours[key], theirs.get(key)) else None
            )
            return (path, line) if line else None
    return None


def located(label: str, place: Sequence[Any], files: Sequence[Path]) -> str:
    """What a message calls something, behind its line in the last of the files that has its top key."""
    for path in reversed(files):
        if line_of(place[:1], path):
            return f"{path}: line {line_of(place, path)}: {label}"
    return label


@lru_cache(maxsize=8)
def _composed(text: str) -> Any:
    """The nodes of a file: a study has many places, and its files are few."""
    return yaml.compose(text, yaml.SafeLoader)


def _under(node: Any, part: Any) -> tuple[int, Any] | None:
    """The line and the node of a key or an index under a node."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line + 1, value
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "<<":
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                found = next(filter(None, (_under(each, part) for each in merged)), None)
                if found is not None:
                    return found
    return None
