"""`python -m edgebnn.bench.curves`, in the project's folder; `make curves` calls it.

A run of everything refreshes the table of the documents; one of a part prints it alone.
"""

from __future__ import annotations

import argparse
import sys

from edgebnn.bench.cases import Case
from edgebnn.bench.command import add_files, allowed, parser_of, run, within
from edgebnn.bench.cores import all_cores
from edgebnn.bench.curves.compare import STRETCH, WINDOW
from edgebnn.bench.curves.measure import Asked, measure
from edgebnn.bench.curves.tables import TABLES
from edgebnn.errors import ConfigError

RECORD = "curves-{}.json"
CASES = {case.model: case for case in (Case("cnv", 100), Case("binarynet", 40))}
STEPS, MOST_STEPS = 300, 100_000
SEEDS, MOST_SEEDS = 3, 100


def main(arguments: list[str] | None = None) -> int:
    """Trains, writes the record and prints its table; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run(
        options,
        lambda: measure(_asked(options)),
        default=RECORD,
        complete=not options.only and options.steps >= STEPS and options.seeds >= SEEDS,
        tables=TABLES.values(),
    )


def _asked(options: argparse.Namespace) -> Asked:
    models = allowed("--only", options.only, list(CASES)) or list(CASES)
    if options.steps % STRETCH:
        raise ConfigError(f"--steps: found {options.steps}, wanted is a multiple of {STRETCH}")
    return Asked(
        cases=tuple(CASES[model] for model in models),
        steps=within("--steps", options.steps, MOST_STEPS, WINDOW),
        seeds=within("--seeds", options.seeds, MOST_SEEDS, 2),
        threads=within("--threads", options.threads, all_cores()),
    )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "edgebnn.bench.curves",
        "Holds the trainer's loss on CIFAR-10 against the emulation's (docs/numerics.md).",
        CASES,
    )
    parser.add_argument(
        "--steps", type=int, default=STEPS, help=f"of each training (default: {STEPS})"
    )
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"of each engine (default: {SEEDS})"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each engine (default: 1)")
    add_files(parser, RECORD)
    return parser


if __name__ == "__main__":
    sys.exit(main())
