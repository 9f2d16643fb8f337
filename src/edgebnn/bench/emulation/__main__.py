"""`python -m edgebnn.bench.emulation`, in the project's folder; `make bench-emulation` calls it.

A run of everything refreshes the tables of the documents; one of a part prints them alone.
"""

from __future__ import annotations

import argparse
import sys

from edgebnn.bench.cases import Case
from edgebnn.bench.command import add_files, allowed, parser_of, run, within
from edgebnn.bench.cores import all_cores
from edgebnn.bench.emulation.measure import Asked, measure
from edgebnn.bench.emulation.tables import TABLES

RECORD = "emulation-{}.json"
CASES = {model: Case(model, 100) for model in ("mlp", "cnv")}
ROUNDS, MOST_ROUNDS = 15, 1000
TURN_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Measures, writes the record and prints its tables; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run(
        options,
        lambda: measure(_asked(options)),
        default=RECORD,
        complete=not (options.only or options.threads) and options.rounds >= ROUNDS,
        tables=TABLES.values(),
    )


def _asked(options: argparse.Namespace) -> Asked:
    models = allowed("--only", options.only, list(CASES)) or list(CASES)
    threads = [options.threads] if options.threads else [1, all_cores()]
    return Asked(
        cases=tuple(CASES[model] for model in models),
        threads=tuple(dict.fromkeys(within("--threads", count, all_cores()) for count in threads)),
        rounds=within("--rounds", options.rounds, MOST_ROUNDS),
        turn_s=TURN_S,
    )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(
        "edgebnn.bench.emulation",
        "Times a training step of the emulation and of larq, in turns (docs/performance.md).",
        CASES,
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"interleaved rounds (default: {ROUNDS})"
    )
    parser.add_argument(
        "--threads", type=int, help="threads and cores (default: one, then all cores)"
    )
    add_files(parser, RECORD)
    return parser


if __name__ == "__main__":
    sys.exit(main())
