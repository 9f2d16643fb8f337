"""A report beside an earlier one: each page carries its figures, and a later one can read them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError
from edgebnn.report.groups import PRINCIPAL, Figure, Group
from edgebnn.report.side_by_side import Row

_SCRIPT = re.compile(r'<script type="application/json" id="figures">(.*?)</script>', re.DOTALL)
_PLACE = ("experiment", "stage", "method", "board", "batch_size")


@dataclass(frozen=True)
class Since:
    """What is otherwise than in an earlier report."""

    name: str
    """The earlier page's file."""
    changed: tuple[tuple[dict[str, Any], Row], ...]
    """Where (experiment, stage, method, board, batch_size), and the figure then and now."""
    same: int
    new: int
    gone: int


def figures_of(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The principal figures of a report, as its page carries them."""
    return [
        {name: getattr(group, name) for name in _PLACE} | {"metric": metric} | asdict(figure)
        for group in groups
        for metric in PRINCIPAL
        if (figure := group.figure(metric)) is not None and math.isfinite(figure.value)
    ]


def since(groups: Sequence[Group], earlier: Path) -> Since:
    """A report's figures beside those of an earlier page.

    Args:
        groups: of the report.
        earlier: the HTML file of another.

    Raises:
        ConfigError: it cannot be read, or is no report that carries its figures.
    """
    then, now = _keyed(_read(earlier)), _keyed(figures_of(groups))
    both = [(key, Row(str(key[-1]), then[key], now[key])) for key in now if key in then]
    changed = [
        (dict(zip(_PLACE, key, strict=False)), row)
        for key, row in both
        if then[key].value != now[key].value
    ]
    return Since(
        earlier.name,
        tuple(changed),
        same=len(both) - len(changed),
        new=len(now) - len(both),
        gone=len(then) - len(both),
    )


def _read(page: Path) -> list[dict[str, Any]]:
    try:
        text = page.read_text(encoding="utf-8")
        (found,) = _SCRIPT.findall(text)
        rows = json.loads(found)
        _keyed(rows)
    except OSError as error:
        raise ConfigError(f"--compare-with: {page}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"--compare-with: {page}: no report that carries its figures; wanted is the page of an "
            f"`edgebnn report` (results/report/index.html)"
        ) from None
    return list(rows)


def _keyed(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], Figure]:
    return {
        tuple(row[name] for name in (*_PLACE, "metric")): Figure(
            float(row["value"]),
            None if row["spread"] is None else float(row["spread"]),
            int(row["seeds"]),
            str(row["source"]),
            bool(row["virtual"]),
        )
        for row in rows
    }
