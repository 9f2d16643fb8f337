"""A plan as files: one for each run, which its stage reads, and the summary that tracking and report read."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from edgebnn.errors import ConfigError
from edgebnn.record import atomic_write
from edgebnn.study.plan import Plan
from edgebnn.study.run import Run, canonical_json


def write_plan(plan: Plan, results: Path) -> None:
    """Writes `runs/<stage>/<run id>.json` for every run, and `plan.json`.

    A file that is right already is left alone, with its time stamp. A file that is missing, cut short
    or otherwise wrong is written anew, complete under its final name or not at all.
    """
    for stage, runs in plan.runs.items():
        for run_id, run in runs.items():
            _keep(results / "runs" / stage / f"{run_id}.json", canonical_json(run))
    _keep(results / "plan.json", plan.summary())


def read_run(path: Path) -> Run:
    """The run in a file; raises ConfigError naming the file if there is none."""
    try:
        return Run.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: not a run: {error.errors()[0]['msg']}") from None


def _keep(path: Path, text: str) -> None:
    content = f"{text}\n".encode()
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass  # not there, or not readable: writing says what is wrong
    with atomic_write(path) as file:
        file.write(content)
