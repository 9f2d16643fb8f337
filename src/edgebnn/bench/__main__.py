"""`python -m edgebnn.bench`, in the project's folder; `make bench` calls it.

A run of everything refreshes the tables of the documents; one of a part prints them alone.
"""

from __future__ import annotations

import argparse
import sys

from edgebnn.bench.cases import NAMES, cases_of
from edgebnn.bench.command import add_files, run, within
from edgebnn.bench.cores import all_cores
from edgebnn.bench.measure import Asked, measure
from edgebnn.bench.tables import kernels_table, steps_table

RECORD = "{}.json"
MOST_ROUNDS = 1000


def main(arguments: list[str] | None = None) -> int:
    """Measures, writes the record and prints its tables; returns the exit status."""
    options = _parser().parse_args(arguments)
    return run(
        options,
        lambda: measure(_asked(options)),
        default=RECORD,
        complete=_complete(options),
        tables=(steps_table, kernels_table),
    )


def _asked(options: argparse.Namespace) -> Asked:
    threads = [options.threads] if options.threads else [1, all_cores()]
    return Asked(
        cases=cases_of(options.only),
        threads=tuple(dict.fromkeys(within("--threads", count, all_cores()) for count in threads)),
        rounds=1 if options.quick else within("--rounds", options.rounds, MOST_ROUNDS),
        turn_s=0.05 if options.quick else 1.0,
        kernel=options.kernel,
        alone=options.ours,
        rooflines=not options.quick,
    )


def _complete(options: argparse.Namespace) -> bool:
    """Whether all is measured that the documents show."""
    return not (options.quick or options.ours or options.only or options.threads or options.kernel)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edgebnn.bench",
        description="Times a training step of this trainer and of others, in turns (docs/performance.md).",
        allow_abbrev=False,
    )
    parser.add_argument("--only", metavar="NAME", help=f"one of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    parser.add_argument(
        "--threads", type=int, help="threads and cores (default: one, then all cores)"
    )
    parser.add_argument(
        "--kernel", metavar="NAME", help="force the trainer's variant: avx2, scalar"
    )
    parser.add_argument("--ours", action="store_true", help="this trainer alone")
    parser.add_argument("--quick", action="store_true", help="one round of few steps: a try")
    add_files(parser, RECORD)
    return parser


if __name__ == "__main__":
    sys.exit(main())
