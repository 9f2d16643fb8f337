"""Tables in Markdown, and their place in a written document: between `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgebnn.errors import ConfigError


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, which ends in a line end."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def between(text: str, name: str, made: str, path: Path) -> str:
    """The document with `made` between the two lines of that name.

    Args:
        text: of the document.
        name: in the two lines.
        made: whole lines.
        path: of the document, for messages.

    Raises:
        ConfigError: the two lines are not there, or are there more than once.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    found = pattern.findall(text)
    if len(found) != 1:
        raise ConfigError(
            f"{path}: found {len(found)} pairs of lines '{begin.strip()}' and '{end}'; wanted is one"
        )
    return pattern.sub(lambda _: f"{begin}{made}{end}", text)
