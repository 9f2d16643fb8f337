"""`edgebnn new`: a folder with a first study, which the workflow that edgebnn brings runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.shipped import SHIPPED

_OWN = Path(__file__).parent
_LINK = re.compile(r"\[([^]]+)\]\(\.\./[^)]*\)")
"""To another document: those are not in the folder."""


def make_study(folder: Path) -> None:
    """Writes Snakefile, README.md, config/ and profiles/ into a folder that is new or empty.

    Raises:
        ConfigError: something is there already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: something is there already; name a new folder")
    config = folder / "config"
    shutil.copytree(SHIPPED / "profiles", folder / "profiles")
    shutil.copytree(SHIPPED / "config" / "schema", config / "schema")
    shutil.copyfile(SHIPPED / "config" / "farm.yaml", config / "farm.yaml")
    keys = (SHIPPED / "config" / "README.md").read_text()
    (config / "README.md").write_text(_LINK.sub(r"\1", keys))
    shutil.copyfile(_OWN / "config.yaml", config / "config.yaml")
    for name in ("README.md", "Snakefile"):
        shutil.copyfile(_OWN / name, folder / name)
