"""`python -m edgebnn.bench.recipes`, in the project's folder: a recipe of config/paper.yaml on a GPU, by JAX alone.

TensorFlow is not needed. The curves come as CSV, a line an epoch. On a CPU it is of no use for convolutions,
which XLA there runs very slowly inside a scan.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from edgebnn.bench.command import say, within
from edgebnn.bench.recipes.train import train
from edgebnn.data.datasets import read_packed
from edgebnn.emulation.backend import prepare_jax
from edgebnn.errors import ConfigError, EdgebnnError
from edgebnn.study.config import load_study
from edgebnn.study.plan import make_plan
from edgebnn.study.run import Run

STUDY = Path("config/paper.yaml")


def recipe(name: str, method: str = "proposed", epochs: int | None = None) -> Run:
    """The run that the study's experiment `recipe-<name>` asks for.

    Args:
        name: `cifar10-cnv`.
        method: one of the experiment's.
        epochs: in place of its own.

    Raises:
        ConfigError: no such experiment, or it has no such method.
    """
    study = load_study(STUDY)
    found = {e.name.removeprefix("recipe-"): e for e in study.experiments if "recipe-" in e.name}
    if name not in found:
        raise ConfigError(f"recipe: found '{name}', allowed are {', '.join(found)}")
    alone = {"experiments": (found[name].model_copy(update={"device": None}),), "memory": ()}
    runs = make_plan(study.model_copy(update=alone), {}).runs["emulate"].values()
    for run in runs:
        if run.method == method:
            return run.model_copy(update={"epochs": epochs}) if epochs else run
    raise ConfigError(
        f"--method: found '{method}', allowed are {', '.join(r.method for r in runs)}"
    )


def write_curves(path: Path, title: str, rows: Iterator[dict[str, float]]) -> None:
    """A comment, the columns' names, and a line a row as soon as it is there, which is said as well.

    Raises:
        ConfigError: there is a file of that name, or none can be made.
    """
    try:
        file = path.open("x")
    except OSError as error:
        raise ConfigError(f"--output: {path}: {error.strerror}") from error
    with file:
        for row in rows:
            if row["epoch"] == 1:
                print(f"# {title}", ",".join(row), sep="\n", file=file)
            print(",".join(f"{value:.5g}" for value in row.values()), file=file, flush=True)
            say(", ".join(f"{name} {value:.5g}" for name, value in row.items()))


def machine() -> str:
    """The device that computes, and what it computes with."""
    import jax

    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "jax"))
    precision = os.environ["JAX_DEFAULT_MATMUL_PRECISION"]
    return f"{jax.devices()[0].device_kind}, {packages}, products in {precision}"


def main(arguments: list[str] | None = None) -> int:
    """Trains and writes the curves; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m edgebnn.bench.recipes", allow_abbrev=False)
    parser.add_argument("recipe", help="cifar10-cnv, cifar10-binarynet: a row of config/paper.yaml")
    parser.add_argument("--data", type=Path, required=True, help="by `edgebnn data`")
    parser.add_argument("--output", type=Path, required=True, metavar="CSV")
    parser.add_argument("--method", default="proposed", help="(default: proposed)")
    parser.add_argument("--epochs", type=int, help="(default: the row's own)")
    options = parser.parse_args(arguments)
    os.environ["KERAS_BACKEND"] = "jax"
    prepare_jax(None)
    try:
        if options.epochs is not None:
            within("--epochs", options.epochs, 10**6)
        run = recipe(options.recipe, options.method, options.epochs)
        packed = read_packed(options.data)
        evaluated = {"validation": packed.validation, "test": packed.test}
        rows = train(run, packed.train, evaluated)
        write_curves(options.output, f"{run.id}: {machine()}", rows)
    except EdgebnnError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
