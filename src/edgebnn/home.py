"""`~` at the beginning of a path: one's home folder, or with a name behind it another user's."""

from __future__ import annotations

import os

from edgebnn.errors import ConfigError


def at_home(path: str) -> str:
    """A path with its `~` or `~name` replaced; any other path as it is (`./~` is a folder of that name).

    Raises:
        ConfigError: there is no such home: HOME is not set and the user id has no name, or no one has
            that name.
    """
    if not path.startswith("~"):
        return path
    whose = path.partition("/")[0]
    home = os.path.expanduser(whose) if whose != "~" or os.environ.get("HOME", "~") else ""  # noqa: PTH111
    if os.path.isabs(home):  # noqa: PTH117
        return home + path.removeprefix(whose)
    why = "HOME does not say it" if whose == "~" else f"no user '{whose[1:]}' here"
    raise ConfigError(f"'{path}': {whose} has no home folder ({why}); write the whole path")
