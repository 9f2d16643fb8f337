"""`python -m edgebnn.bench.arm`, in the project's folder; `make bench-arm` calls it.

A run of everything refreshes the tables of the documents; one of a part prints them alone.
"""

from __future__ import annotations

import argparse
import sys

from edgebnn.bench.arm.instructions import EMULATORS
from edgebnn.bench.arm.measure import Asked, measure
from edgebnn.bench.arm.tables import TABLES
from edgebnn.bench.cases import Case, methods
from edgebnn.bench.command import add_files, allowed, parser_of, run
from edgebnn.bench.products import SHARED

RECORD = "arm-{}.json"
SHOWN = [name for name, found in methods().items() if found.gradient_dtype in SHARED]
"""Methods of the documents' tables: those whose products are of integers."""
CASES = {case.model: case for case in (Case("mlp", 200), Case("binarynet", 40), Case("cnv", 100))}


def main(arguments: list[str] | None = None) -> int:
    """Counts, writes the record and prints its tables; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run(
        options,
        lambda: measure(_asked(options)),
        default=RECORD,
        complete=not (options.only or options.target or options.method),
        tables=TABLES.values(),
    )


def _asked(options: argparse.Namespace) -> Asked:
    models = allowed("--only", options.only, list(CASES)) or list(CASES)
    targets = allowed("--target", options.target, list(EMULATORS)) or list(EMULATORS)
    names = allowed("--method", options.method, list(methods())) or SHOWN
    return Asked(tuple(CASES[model] for model in models), tuple(targets), tuple(names))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "edgebnn.bench.arm",
        "Counts and estimates a training step on Raspberry Pis, without one (docs/performance.md).",
        CASES,
    )
    parser.add_argument(
        "--target", metavar="NAME", help=f"one of {', '.join(EMULATORS)} (default: all)"
    )
    parser.add_argument(
        "--method",
        metavar="NAME",
        help=f"one of {', '.join(methods())} (default: {' and '.join(SHOWN)})",
    )
    add_files(parser, RECORD)
    return parser


if __name__ == "__main__":
    sys.exit(main())
