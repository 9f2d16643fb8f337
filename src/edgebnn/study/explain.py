"""A document as a model of pydantic's, and its mistakes as a user reads them: file, line, key, what is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

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
    location = ".".join(str(part) for part in problem["loc"])
    prefix = f"{where}: {location}" if location else where
    if problem["type"] == "extra_forbidden":
        allowed = list(_fields_at(model, problem["loc"][:-1]))
        key = str(problem["loc"][-1])
        hint = about_secret(key) or nearest(key, allowed)
        return f"{prefix}: unknown key{hint}; keys here are {', '.join(allowed)}"
    if problem["type"] in ("model_type", "dict_type"):
        found = "nothing" if problem["input"] is None else repr(problem["input"])
        return f"{prefix}: a mapping of keys is wanted (found {found})"
    if wanted := _wanted(problem):
        return f"{prefix}: {wanted} (found {problem['input']!r})"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error"):
        return f"{prefix}: {message}"
    return f"{prefix}: {message} (found {problem['input']!r})"


def _wanted(problem: Any) -> str | None:
    """What pydantic says in terms of Python, in terms of YAML."""
    found = problem["input"]
    match problem["type"]:
        case "tuple_type" | "list_type":
            shown = [0, 1, 2] if isinstance(found, str) and re.search(r"\d", found) else ["a", "b"]
            return f"a list is wanted, as in [{', '.join(map(str, shown))}]"
        case "int_type" | "int_from_float":
            return "a whole number is wanted, without point, exponent and quotes"
        case "string_type" if found is not None and not isinstance(found, dict | list):
            return "a text is wanted, and YAML reads something else here: put it in quotes"
        case "string_pattern_mismatch" if problem["ctx"]["pattern"] == NAME:
            return "a name is of letters without accents, digits and _ . + -, and begins with a letter or digit"
    return None


def _fields_at(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Names of the keys allowed at a place in a document, following the models' annotations."""
    here: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = _models_in(here.model_fields[part].annotation)
        elif isinstance(here, list):  # a union: the part is the discriminator or a class name
            named = [m for m in here if part in (m.__name__, m.model_fields["kind"].default)]
            here = named[0] if named else here[0]
        if isinstance(here, list) and len(here) == 1:
            here = here[0]
    candidates = here if isinstance(here, list) else [here]
    return list(dict.fromkeys(name for m in candidates for name in m.model_fields))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found += _models_in(argument)
    return found
