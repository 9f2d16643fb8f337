"""No secret in any message: what a text from whatever library may hold is masked before it is shown.

Masked are the user and password of an address (`http://me:secret@host`), values of its query that are
named like secrets (`?token=...`), and wherever they stand the passwords that the environment holds, in
variables named like secrets or in addresses. A secret belongs into an environment variable: other users
of a machine see a process's arguments, and files are copied.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

_LIKE_A_SECRET = "token|passw|passphrase|pwd|secret|credential|signature|api_?key|access_?key|auth"
# As a path, an address has lost a slash. A third slash is that of a file's path: no user stands there.
_USER = re.compile(r"\b([a-z][a-z0-9+.-]*:/{1,2})(?!/)[^\s'\"<>`]*@", re.IGNORECASE)
_QUERY = re.compile(
    rf"([?&;][\w.-]*(?:{_LIKE_A_SECRET}|sig)[\w.-]*=)[^&;#\s'\"<>`]+", re.IGNORECASE
)
_NAME = re.compile(_LIKE_A_SECRET, re.IGNORECASE)
_NO_SECRET = re.compile(r"(OLD)?PWD|.*AUTHOR.*|.*_(SOCK|FILE|PATH|DIR|HELPER)")
"""Variables that are named like secrets and hold none: where one is, the working folder, an author."""
_PASSWORD = re.compile(r"://[^:@/\s]*:([^\s'\"<>]+)@")
SHORTEST = 4
"""Characters of a secret that is looked for by itself: shorter ones stand in many a word."""
MASK = "***"
_WORDS = {"true", "false", "none", "null", "basic", "bearer", "default", "auto", "password"}
"""What such a variable may hold and what is no secret."""


def masked(text: str) -> str:
    """A text without secrets; others stay as they are."""
    if ":/" in text:
        text = _USER.sub(r"\1", text)
    if "=" in text:
        text = _QUERY.sub(rf"\1{MASK}", text)
    for secret in _secrets():
        text = text.replace(secret, MASK)
    return text


def has_secret(address: str) -> bool:
    """Whether an address holds a password or a token."""
    return bool(_PASSWORD.search(address) or _QUERY.search(address))


def about_secret(key: str) -> str:
    """What to say of a key in a file that wants to hold a secret, or a store's address; else nothing."""
    if key.lower() in ("tracking_uri", "mlflow_tracking_uri"):
        return " (the store is named by MLFLOW_TRACKING_URI, in the environment)"
    if _NAME.search(key):
        return " (a file holds no secrets: they belong into the environment, or an SSH agent)"
    return ""


def _secrets() -> list[str]:
    """Of the environment, longest first."""
    found = set()
    for name, value in os.environ.items():
        if _NAME.search(name) and not _NO_SECRET.fullmatch(name):
            found.add(value)
        if "://" in value:
            found |= {*_PASSWORD.findall(value)}
            found |= {match.group(0).partition("=")[2] for match in _QUERY.finditer(value)}
    found |= {unquote(secret) for secret in found}
    return sorted(
        (s for s in found if len(s) >= SHORTEST and s.lower() not in _WORDS), key=len, reverse=True
    )
