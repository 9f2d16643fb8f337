"""The tables of the documents, made from a bench's record: what stands between a table's two markers."""

from __future__ import annotations

from pathlib import Path

from edgebnn.bench import tables
from edgebnn.bench.arm import tables as arm_tables
from edgebnn.bench.curves import tables as curves_tables
from edgebnn.bench.emulation import tables as emulation_tables
from edgebnn.errors import ConfigError
from edgebnn.markdown import between
from edgebnn.record import Record, atomic_write

DOCUMENTS: dict[Path, tuple[str, ...]] = {
    Path("README.md"): ("bench-summary",),
    Path("docs/performance.md"): (
        "bench-steps",
        "bench-kernels",
        *emulation_tables.TABLES,
        *arm_tables.TABLES,
    ),
    Path("docs/numerics.md"): tuple(curves_tables.TABLES),
}
"""Document -> the tables in it."""
TABLES = {
    "bench": tables.TABLES,
    "bench-arm": arm_tables.TABLES,
    "bench-emulation": emulation_tables.TABLES,
    "bench-curves": curves_tables.TABLES,
}
"""Stage of a record -> the tables that it fills."""


def refresh(record: Record, folder: Path) -> None:
    """Writes the record's tables into the documents of the project in `folder`; others stay as they are.

    Raises:
        ConfigError: the record is of another stage, or a document or a marker is not there; nothing
            has been written.
        InfrastructureError: a document cannot be written.
    """
    makers = TABLES.get(record.stage)
    if makers is None:
        raise ConfigError(
            f"found a record of {record.stage}, wanted is one of {' or '.join(TABLES)}"
        )
    texts = {}
    for name, wanted in DOCUMENTS.items():
        path = folder / name
        if not path.is_file():
            raise ConfigError(f"{path}: not there; the tables belong into the project's documents")
        text = path.read_text()
        for table in wanted:
            if table in makers:
                text = between(text, table, makers[table](record), path)
        texts[path] = text
    for path, text in texts.items():
        with atomic_write(path) as file:
            file.write(text.encode())
