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
    before, _, after = _parts(text, name, path)
    return f"{before}{made}{after}"


def rows_between(text: str, name: str, path: Path) -> list[dict[str, str]]:
    """The rows of the table between the two lines of that name, each as title -> cell.

    Args:
        text: of the document.
        name: in the two lines.
        path: of the document, for messages.

    Raises:
        ConfigError: the two lines are not there, or are there more than once.
    """
    _, made, _ = _parts(text, name, path)
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in made.splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]


def _parts(text: str, name: str, path: Path) -> tuple[str, str, str]:
    """What is before the first line's end, between the two, and from the second on."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    parts = re.split(f"(?<={re.escape(begin)})(.*?)(?={re.escape(end)})", text, flags=re.DOTALL)
    if len(parts) != 3:
        raise ConfigError(
            f"{path}: found {len(parts) // 2} pairs of lines '{begin.strip()}' and '{end}'; wanted is one"
        )
    before, made, after = parts
    return before, made, after
