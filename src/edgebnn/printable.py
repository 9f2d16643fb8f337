"""Text from elsewhere, fit for a terminal: nothing in it moves the cursor, sets a title or turns its letters round.

What a device says is such text, and a library's words about it. Kept are line ends and tabs.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, the cursor
    r"|\x1b[]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # a title, a link
)


def printable(text: str) -> str:
    """A text without sequences for a terminal; each other sign that is not printable becomes `?`.

    These are Unicode's control, format (also those that set the direction of writing) and separating
    characters, and what it gives no meaning; spaces of any width become plain ones.
    """
    if text.isprintable():
        return text
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else _instead(sign) for sign in text
    )


def _instead(sign: str) -> str:
    return " " if unicodedata.category(sign) == "Zs" else "?"
