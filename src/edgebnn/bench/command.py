"""What the benches' commands share: options, progress, the record, the documents, the tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edgebnn.bench.documents import refresh
from edgebnn.errors import ConfigError, EdgebnnError
from edgebnn.record import Record, read_record
from edgebnn.spelling import nearest

RESULTS = Path("results/bench")


def parser_of(bench: str, about: str, names: Iterable[str]) -> argparse.ArgumentParser:
    """A bench's parser, with the option `--only`.

    Args:
        bench: its package, as Python runs it.
        about: what it measures.
        names: what `--only` takes.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {bench}", description=about, allow_abbrev=False
    )
    parser.add_argument("--only", metavar="NAME", help=f"one of {', '.join(names)} (default: all)")
    return parser


def add_files(parser: argparse.ArgumentParser, default: str) -> None:
    """The options `--tables` and `--output`; `default` is how the record is called without."""
    parser.add_argument(
        "--tables", type=Path, metavar="RECORD", help="measure nothing; make the documents' tables"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"the record (default: {RESULTS / default.format('TIME')})",
    )


def allowed(option: str, found: str | None, names: Sequence[str]) -> list[str]:
    """The name that was asked for; empty for none.

    Raises:
        ConfigError: it is not one of `names`.
    """
    if found is None:
        return []
    if found not in names:
        raise ConfigError(
            f"{option}: found '{found}'{nearest(found, names)}; allowed are {', '.join(names)}"
        )
    return [found]


def within(option: str, found: int, most: int, least: int = 1) -> int:
    """The number that was asked for.

    Raises:
        ConfigError: it is not from `least` to `most`.
    """
    if not least <= found <= most:
        raise ConfigError(f"{option}: found {found}, allowed are {least} to {most}")
    return found


def say(*words: str) -> None:
    """A line of progress, to standard error."""
    print("".join(words), file=sys.stderr, flush=True)


def run(
    options: argparse.Namespace,
    measured: Callable[[], Record],
    *,
    default: str,
    complete: bool,
    tables: Iterable[Callable[[Record], str]],
) -> int:
    """Measures, writes the record and prints its tables; returns the exit status.

    Args:
        options: with `tables` and `output`, by add_files.
        measured: measures; its record's stage is the bench's name.
        default: the record's name, with {} for its time.
        complete: whether all is measured that the documents show; they are refreshed then.
        tables: makers of the tables to print.
    """
    try:
        if options.tables:
            refresh(read_record(options.tables), Path())
            return 0
        if options.output:
            _check_output(options.output)
        record = measured()
        path = options.output or RESULTS / default.format(record.run_id)
        record.write(path)
        if complete:
            refresh(record, Path())
    except EdgebnnError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("bench: interrupted; nothing is written", file=sys.stderr)
        return 130
    for table in tables:
        print(table(record))
    print(f"record: {path}")
    return 0


def _check_output(path: Path) -> None:
    """Whether a record can be written there: said before it is measured.

    Raises:
        ConfigError: it is a folder, or its folder cannot be written to.
    """
    if path.is_dir():
        raise ConfigError(f"--output: found the folder '{path}'; a file's name is wanted")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ConfigError(f"--output: '{path}' cannot be written: {error.strerror}") from error
