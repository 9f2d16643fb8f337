"""The run that is to be profiled, by its file or its id, and the data that it trains on."""

from __future__ import annotations

from pathlib import Path

from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest
from edgebnn.study.files import read_run
from edgebnn.study.run import Run

RUNS = Path("results/runs")
STAGES = ("device", "profile")
"""Whose runs the trainer trains."""


def find_run(name: str) -> tuple[Run, Path]:
    """A run, and its file.

    Args:
        name: the file of a run, or the id of one that a study has written down under results/runs/.

    Raises:
        ConfigError: there is none, or it is of another stage; the nearest id is named.
    """
    path = Path(name)
    if not path.is_file():
        if path.suffix == ".json" or len(path.parts) > 1:
            raise ConfigError(f"{path}: no such file; a run's file or a run's id is wanted")
        path = _by_id(name)
    run = read_run(path)
    if run.stage not in STAGES:
        raise ConfigError(
            f"{path}: stage: found '{run.stage}', which the C++ trainer does not train; allowed are "
            f"{', '.join(STAGES)}"
        )
    return run, path


def results_of(file: Path) -> Path:
    """The results folder that a run's file is in, at runs/<stage>/; else the usual one."""
    runs = file.absolute().parent.parent
    return file.parent.parent.parent if runs.name == RUNS.name else RUNS.parent


def data_of(run: Run, file: Path, named: Path | None) -> Path:
    """The packed data set of a run: the one that is named, else that beside the study's runs.

    Raises:
        ConfigError: it is not there; the message says what makes it.
    """
    data = named or results_of(file) / "data" / f"{run.pack}.ebd"
    if not data.is_file():
        raise ConfigError(
            f"{data}: no such file; this packs the data set: edgebnn data {run.dataset} --digest "
            f"{run.data_digest} --output {data}"
        )
    return data


def initial_of(run: Run, file: Path, named: Path | None) -> Path | None:
    """The weights that a run begins from: those that are named, else those beside the study's runs."""
    if named or run.init is None:
        return named
    return results_of(file) / "weights" / f"{run.init}.ebw"


def _by_id(name: str) -> Path:
    files = {path.stem: path for path in sorted(RUNS.glob("*/*.json"))}
    if name not in files:
        trained = [run_id for run_id, path in files.items() if path.parent.name in STAGES]
        raise ConfigError(
            f"no run '{name}' under {RUNS}{nearest(name, trained)}; `edgebnn plan` lists a study's runs, "
            f"whose files are written when the study is run"
        )
    return files[name]
