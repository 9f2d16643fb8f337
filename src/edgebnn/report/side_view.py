"""Two sides on a terminal, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgebnn.report.number import number

if TYPE_CHECKING:
    from rich.console import Console

    from edgebnn.report.groups import Figure
    from edgebnn.report.side_by_side import Pair, Row


def show_pairs(pairs: Sequence[Pair], console: Console) -> None:
    """Prints each pair: settings that differ, then figures, means with their spread over seeds."""
    for pair in pairs:
        names = escape(pair.left.method), escape(pair.right.method)
        view = Table("", *names, title=escape(pair.title), title_justify="left")
        view.add_column("ratio", justify="right")
        view.add_column("")
        for name, left, right in pair.settings:
            view.add_row(name, escape(left), escape(right), "", "", style="dim")
        view.add_section()
        for row in pair.rows:
            ratio = "" if row.ratio is None else f"{number(row.ratio)}x"
            view.add_row(row.metric, _cell(row.left), _cell(row.right), ratio, _said(row))
        console.print(view)
    console.print(
        "ratio: the second / the first; ±: standard deviation over seeds, of both; apart: by more than that; ~: measured on a virtual device, "
        "of the host",
        style="dim",
    )


def as_json(pairs: Sequence[Pair]) -> str:
    """A list of pairs."""

    def figure(found: Figure | None) -> dict[str, object] | None:
        if found is None:
            return None
        return {name: getattr(found, name) for name in ("value", "spread", "seeds", "source", "virtual")}  # fmt: skip

    return json.dumps(
        [
            {
                "title": pair.title,
                "left": pair.left.method,
                "right": pair.right.method,
                "settings": {name: [a, b] for name, a, b in pair.settings},
                "figures": {
                    row.metric: {
                        "left": figure(row.left),
                        "right": figure(row.right),
                        "ratio": row.ratio,
                        "apart": row.apart,
                    }
                    for row in pair.rows
                },
            }
            for pair in pairs
        ],
        indent=1,
    )


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    spread = "" if figure.spread is None else f" ± {number(figure.spread, 2)}"
    return f"{'~' if figure.virtual else ''}{number(figure.value, 4)}{spread}"


def _said(row: Row) -> str:
    if row.left is None or row.right is None or row.left.value == row.right.value:
        return ""
    return {True: "apart", False: "within ±", None: ""}[row.apart]
