"""Where the project's own files are: the trainer's sources, the models, the workflow, the schemas.

In a source tree they stand beside `src/`; a wheel carries them inside the package (pyproject.toml). They are
only read: what is made of them is made in the user's folder.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "project"

SHIPPED = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1]
"""The folder that holds `Snakefile`, `workflow/`, `profiles/`, `config/` and `rpi/`."""
MODELS = SHIPPED / "config" / "models"
