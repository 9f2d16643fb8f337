"""Did you mean: the nearest valid name, for messages about unknown ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(found: str, allowed: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the closest allowed name, or an empty string."""
    close = get_close_matches(str(found), list(allowed), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
