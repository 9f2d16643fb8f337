"""A report beside an earlier one: each page carries its figures, and a later one can read them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
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


def figures_of(groups: Sequence[Group]) -> list[list[Any]]:
    """The principal figures of a report, as its page carries them: place, metric, value and spread."""
    return [
        [*(getattr(group, name) for name in _PLACE), metric, figure.value, figure.spread]
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


def _read(page: Path) -> list[list[Any]]:
    try:
        text = page.read_text(encoding="utf-8")
        (found,) = _SCRIPT.findall(text)
        rows = json.loads(found)
        _keyed(rows)
    except OSError as error:
        raise ConfigError(f"--compare-with: {page}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise ConfigError(
            f"--compare-with: {page}: no report that carries its figures; wanted is the page of an "
            f"`edgebnn report` (results/report/index.html)"
        ) from None
    return list(rows)


def _keyed(rows: list[list[Any]]) -> dict[tuple[Any, ...], Figure]:
    """Place and metric -> the figure; what else a figure has is not carried."""
    return {
        tuple(place): Figure(float(value), None if spread is None else float(spread), 0, "", False)
        for *place, value, spread in rows
    }
