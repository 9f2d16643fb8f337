"""The page's scripts, inline: Vega-Embed with Vega-Lite, and what draws the charts."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Script:
    text: str
    """As it may stand in a script element."""
    type: str = "text/javascript"

    @property
    def source(self) -> str:
        """What lets this script, and no other, run under a content security policy."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


def scripts() -> list[Script]:
    """In the order in which the page needs them."""
    folder = Path(__file__).parent / "templates"
    charts, tables = (
        (folder / name).read_text(encoding="utf-8") for name in ("charts.js", "tables.js")
    )
    return [Script(_inline(tables)), Script(_bundled(charts))]


def embedded(data: Any) -> str:
    """JSON that may stand in a script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


@cache  # it takes two seconds
def _bundled(program: str) -> str:
    import vl_convert

    return _inline(vl_convert.javascript_bundle(program))


def _inline(source: str) -> str:
    """The same program, with nothing in it that an HTML parser takes for markup or changes.

    `\\x3c` is `<` in JavaScript's strings and regular expressions, where alone these stand.
    """
    for markup in ("<!--", "<script", "</script"):
        source = source.replace(markup, f"\\x3c{markup[1:]}")
    return source.replace("\r\n", "\n")
