"""JSON Schemas of the configuration files, for editors: generated, never edited."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from edgebnn.farm.inventory import Inventory
from edgebnn.record import Record, atomic_write
from edgebnn.study.config import Study

SCHEMAS: dict[str, type[BaseModel]] = {"study": Study, "farm": Inventory, "record": Record}


def schema_text(name: str) -> str:
    """The schema of one kind of file, as it stands in config/schema/<name>.json."""
    return json.dumps(SCHEMAS[name].model_json_schema(), indent=1, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> None:
    """Writes every schema into a folder."""
    for name in SCHEMAS:
        with atomic_write(folder / f"{name}.json") as file:
            file.write(schema_text(name).encode())
