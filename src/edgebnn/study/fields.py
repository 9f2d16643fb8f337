"""Types of a study's keys: names, numbers, paths; mappings that take no unknown key."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from edgebnn.errors import ConfigError
from edgebnn.home import at_home
from edgebnn.study.explain import NAME


class Strict(BaseModel):
    """A mapping with known keys alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Name = Annotated[str, Field(pattern=NAME, max_length=64)]
"""What may become part of a file's name, a tag or a remote argument."""

PositiveInt = Annotated[int, Field(strict=True, ge=1, le=1 << 24)]
"""Of batches and epochs: at most what the trainer takes (rpi/src/run_file.cc)."""


def _number(value: Any) -> Any:
    """Snakemake's YAML reads `1e-3`, without a point, as text."""
    exponent = isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value)
    return float(value) if exponent else value


Number = Annotated[float, BeforeValidator(_number), Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


def _path(text: str) -> str:
    if not text.strip():
        raise ValueError("empty; a path is wanted")
    if not text.isprintable():
        raise ValueError("a path of printable characters is wanted, without tabs and line ends")
    try:
        return at_home(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None


PathText = Annotated[str, AfterValidator(_path)]
"""A file's or folder's place; `~` is the home folder."""
