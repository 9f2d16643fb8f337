"""A YAML file as plain Python: UTF-8, each key once, `1e-3` a number."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from edgebnn.errors import ConfigError


class _Refused(yaml.MarkedYAMLError):
    """What is YAML, and not meant."""


class _Loader(yaml.SafeLoader):
    """PyYAML's, which by itself lets the last of two equal keys win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            name, line = key.value, key.start_mark.line + 1
            if not isinstance(name, str) or name == "<<":
                continue
            if name in lines:
                raise _Refused(
                    problem=f"the key '{name}' stands twice, in line {lines[name]} and in line {line}; "
                    f"leave one",
                    problem_mark=key.start_mark,
                )
            lines[name] = line
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Of `010`, YAML makes 8, and of `1:30` 90."""
        whole = node.tag.endswith("int")
        number = self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)
        if ":" in node.value or (whole and re.fullmatch(r"[-+]?0[0-9_]+", node.value)):
            raise _Refused(
                problem=f"found {node.value}, which YAML reads as {number}; write a plain number, or a "
                f"text in quotes",
                problem_mark=node.start_mark,
            )
        return number


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def load_yaml(path: Path) -> Any:
    """A YAML file's content.

    Raises:
        ConfigError: it cannot be read, is not UTF-8, not YAML, or has a key twice in one place.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return yaml.load(text, _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}: line {line}: not UTF-8: found the byte 0x{error.object[error.start]:02x}; "
            f"save the file as UTF-8"
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        why = error.problem or error.context
        hint = "; indent with spaces, not tabs" if "\\t" in str(why) else ""
        kind = "" if isinstance(error, _Refused) else "not YAML: "
        raise ConfigError(f"{path}: line {line}: {kind}{why}{hint}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML: {str(error).partition(chr(10))[0]}") from None
