"""The reference pages of the documents, made from the code: `python -m edgebnn.reference docs/reference`.

Commands are those of the command line's parser; keys and fields those of the models, with their docstrings.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebnn.markdown import table
from edgebnn.options import parser
from edgebnn.record import atomic_write
from edgebnn.schema import SCHEMAS
from edgebnn.study.switches import PRESETS, Switches

_TITLES = {
    "study": ("Keys of a study", "What each is for, in more words: [Configuration](../../config/README.md)."),
    "farm": ("Keys of the inventory", "How to add a board: [Add a board](../add-a-board.md)."),
    "record": ("The record", "What every stage writes, and what MLflow and the report read. Names of metrics: [Files](../formats.md)."),
}  # fmt: skip
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_NAMES = {
    "array": "list",
    "boolean": "`true`, `false`",
    "integer": "whole number",
    "object": "mapping",
    "string": "text",
}
_MADE = "<!-- Made by `python -m edgebnn.reference docs/reference`; do not edit. -->\n"


def pages() -> dict[str, str]:
    """File's name -> Markdown."""
    made = {f"{name}.md": _of_schema(name) for name in SCHEMAS}
    return {"commands.md": _commands(), "switches.md": _switches(), **made}


def _commands() -> str:
    parts = ["# Commands\n", _MADE]
    parts += _command(parser(), 2)
    return "\n".join(parts)


def _command(command: argparse.ArgumentParser, level: int) -> Iterator[str]:
    if level > 2:
        yield f"{'#' * level} `{command.prog}`\n"
    yield f"{command.description or ''}\n"
    subparsers = [a for a in command._actions if isinstance(a, argparse._SubParsersAction)]
    rows = [_option(action) for action in command._actions if action.dest != "help" and action not in subparsers]  # fmt: skip
    if rows:
        yield table(("option", "meaning", "default"), rows)
    for action in subparsers:
        about = {choice.dest: choice.help for choice in action._choices_actions}
        for name, each in action.choices.items():
            each.description = each.description or about.get(name)
            yield from _command(each, min(level + 1, 4))


def _option(action: argparse.Action) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    value = "" if action.nargs == 0 else str(action.metavar or (action.dest.upper() if names else action.dest))  # fmt: skip
    if action.choices and not action.metavar:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    shown = f"{names} `{value}`" if names and value else names or f"`{value}`"
    if action.required and names:
        shown += " (required)"
    said = re.sub(r"[;,]?\s*\(?default: %\(default\)s\)?", "", action.help or "")
    default = (
        "" if action.default in (None, [], False, argparse.SUPPRESS) else f"`{action.default}`"
    )
    return _cell(shown), _cell(said % vars(action) if "%(" in said else said), default


def _switches() -> str:
    rows = []
    properties = Switches.model_json_schema()["properties"]
    for name, found in properties.items():
        values = (f"`{preset.model_dump()[name]}`" for preset in PRESETS.values())
        rows.append((f"`{name}`", _type(found, {}), *values, _cell(found.get("description", ""))))
    return "\n".join(
        [
            "# Switches and presets\n",
            _MADE,
            "What each means to the last bit: [numerics](../numerics.md); what each costs: [switches](../switches.md).\n",
            table(("switch", "values", *PRESETS, "meaning"), rows),
        ]
    )


def _of_schema(name: str) -> str:
    title, said = _TITLES[name]
    schema = SCHEMAS[name].model_json_schema()
    models = {SCHEMAS[name].__name__: schema, **schema.get("$defs", {})}
    parts = [f"# {title}\n", _MADE, f"{said}\n"]
    for model, found in models.items():
        if "properties" not in found or model == Switches.__name__:
            continue
        parts.append(f"## {model}\n")
        if found.get("description"):
            parts.append(f"{_prose(found['description'])}\n")
        required = found.get("required", [])
        rows = [
            (f"`{key}`", _type(each, models), _default(each, key in required), _cell(each.get("description", "")))
            for key, each in found["properties"].items()
        ]  # fmt: skip
        parts.append(table(("key", "value", "default", "meaning"), rows))
    return "\n".join(parts)


def _type(found: dict[str, Any], models: dict[str, Any]) -> str:
    """A value's type, as a person calls it."""
    if reference := found.get("$ref"):
        model = str(reference).rsplit("/", 1)[-1]
        named = "properties" in models.get(model, {}) and model != Switches.__name__
        return f"[{model}](#{model.lower()})" if named else _type(models.get(model, {}), {})
    for kinds in ("anyOf", "oneOf"):
        if kinds in found:
            shown = [_type(each, models) for each in found[kinds] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(shown))
    if values := found.get("enum", [found["const"]] if "const" in found else []):
        return ", ".join(f"`{value}`" for value in values)
    kind = str(found.get("type", "any"))
    inside = {"array": found.get("items"), "object": found.get("additionalProperties")}.get(kind)
    if isinstance(inside, dict):
        return f"{'list of' if kind == 'array' else 'mapping to'} {_type(inside, models)}"
    bounds = ", ".join(f"{sign} {found[name]}" for name, sign in _LIMITS.items() if name in found)
    return _cell(f"{_NAMES.get(kind, kind)} {bounds}")


def _default(found: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    default = found.get("default")
    return "" if default is None or isinstance(default, dict) else f"`{default}`"


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|").replace("<", "&lt;")


def _prose(text: str) -> str:
    return " ".join(text.split())


def write(folder: Path) -> None:
    """Writes every page into a folder."""
    for name, text in pages().items():
        with atomic_write(folder / name) as file:
            file.write(f"{text.rstrip()}\n".encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
