"""A document as a model of pydantic's, and its mistakes as a user reads them: file, line, key, what is wanted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from edgebnn.errors import ConfigError
from edgebnn.secrecy import about_secret
from edgebnn.spelling import nearest
from edgebnn.study.yaml_lines import place_in

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"
"""What may become part of a file's name, a tag or a remote argument."""

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], document: Any, where: str, files: Sequence[Path] = ()) -> Model:
    """`document` as a `model`, or a ConfigError with one line for each mistake, which names the line of
    one of `files` if it stands there."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problems = error.errors()
        lines = [
            _explain(model, problem, _where(problem["loc"], document, where, files))
            for problem in problems
            if not _echo(problem, problems)
        ]
        raise ConfigError("\n".join(lines)) from None


def _where(place: Sequence[Any], document: Any, where: str, files: Sequence[Path]) -> str:
    found = place_in(place, document, files)
    return f"{found[0]}: line {found[1]}" if found else where


def _echo(problem: Any, problems: list[Any]) -> bool:
    """A list called too short only because its items are wrong: pydantic says both."""
    place = problem["loc"]
    deeper = (other["loc"] for other in problems if len(other["loc"]) > len(place))
    return problem["type"] == "too_short" and any(loc[: len(place)] == place for loc in deeper)


def _explain(model: type[BaseModel], problem: Any, where: str) -> str:
    keys, models = _follow(model, problem["loc"])
    location = ".".join(str(part) for part in keys)
    prefix = f"{where}: {location}" if location else where
    if problem["type"] == "extra_forbidden":
        allowed = list(dict.fromkeys(name for each in models for name in each.model_fields))
        key = str(problem["loc"][-1])
        hint = about_secret(key) or nearest(key, allowed)
        return f"{prefix}: unknown key{hint}; keys here are {', '.join(allowed)}"
    if problem["type"] in ("model_type", "dict_type", "model_attributes_type"):
        found = "nothing" if problem["input"] is None else repr(problem["input"])
        return f"{prefix}: a mapping of keys is wanted (found {found})"
    return f"{prefix}: {said_of(problem)}"


def said_of(problem: Any) -> str:
    """A problem of pydantic's as a user reads it: what is wanted, and what was found."""
    message = _wanted(problem) or problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error", "union_tag_invalid"):
        return str(message)
    return f"{message} (found {problem['input']!r})"


_WHOLE = "a whole number is wanted, without point, exponent and quotes"
_WANTED = {
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": "a number is wanted, without quotes",
    "path_type": "a path is wanted",
    "string_type": "a text is wanted",
    "union_tag_not_found": "'kind' is missing, which says what the other keys are",
}
"""What pydantic says in terms of Python, in terms of YAML."""


def _wanted(problem: Any) -> str | None:
    found, kind = problem["input"], problem["type"]
    if isinstance(found, float) and not math.isfinite(found):
        return "a finite number is wanted"
    if kind == "union_tag_invalid":
        tag, tags = problem["ctx"]["tag"], re.findall(r"'(.*?)'", problem["ctx"]["expected_tags"])
        return f"unknown kind '{tag}'{nearest(tag, tags)}; kinds are {', '.join(tags)}"
    if kind in ("tuple_type", "list_type"):
        numbers = isinstance(found, str) and re.search(r"\d", found)
        return f"a list is wanted, as in {'[0, 1, 2]' if numbers else '[a, b]'}"
    if kind == "string_type" and isinstance(found, bool | int | float | date):
        return "a text is wanted, and YAML reads something else here: put it in quotes"
    if kind == "string_pattern_mismatch" and problem["ctx"]["pattern"] == NAME:
        return "a name is of letters without accents, digits and _ . + -, and begins with a letter or digit"
    return _WANTED.get(kind)


def _follow(
    model: type[BaseModel], location: Iterable[int | str]
) -> tuple[list[int | str], list[type[BaseModel]]]:
    """A place in a document, along the models' annotations: its keys, and the models of what is there.

    pydantic's places name the kind of a union's model too; the document has no such key.
    """
    here: Any = model
    keys: list[int | str] = []
    for part in location:
        if isinstance(here, list) and not isinstance(part, int):
            named = [m for m in here if part in _kinds(m)]
            here = named[0] if named else here[0]
            if named:
                continue
        keys.append(part)
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = _models_in(here.model_fields[part].annotation)
        if isinstance(here, list) and len(here) == 1:
            here = here[0]
    return keys, here if isinstance(here, list) else [here]


def _kinds(model: type[BaseModel]) -> tuple[str, ...]:
    """What names a model among those of its union."""
    kind = model.model_fields.get("kind")
    return (model.__name__, *(get_args(kind.annotation) if kind else ()))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found += _models_in(argument)
    return found
