"""The file of a run, which several commands are given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from edgebnn.study.plan import Run


def read_run(path: Path) -> Run:
    """A run's file; raises ConfigError."""
    from pydantic import ValidationError

    from edgebnn.study.plan import Run

    try:
        return Run.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: not a run: {error.errors()[0]['msg']}") from None
