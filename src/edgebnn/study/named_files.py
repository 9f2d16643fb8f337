"""The studies named on Snakemake's command line, looked at before Snakemake reads them.

It reads them before any rule of ours, and what is no UTF-8, no file or no mapping ends in its traceback
or in a line without the file's name. profiles/default calls this first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.study.yaml_file import load_yaml

OPTIONS = ("--configfile", "--configfiles")


def named_files(arguments: Sequence[str]) -> list[Path]:
    """What stands behind `--configfile`, as Snakemake takes it: all up to the next option."""
    files: list[Path] = []
    taking = False
    for argument in arguments:
        option, given, value = argument.partition("=")
        if argument.startswith("-"):
            taking = option in OPTIONS and not given
            files += [Path(value)] if option in OPTIONS and given else []
        elif taking:
            files.append(Path(argument))
    return files


def check_named_files() -> None:
    """Ends this process with one line if a file named on its command line is no study at all."""
    try:
        for path in named_files(sys.argv[1:]):
            found = load_yaml(path)
            if not isinstance(found, dict):
                what = "nothing" if found is None else repr(found)
                raise ConfigError(f"{path}: a mapping of keys is wanted (found {what})")
    except ConfigError as error:
        sys.exit(f"edgebnn: {error}")
