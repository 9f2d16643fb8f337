"""The plan's summary, `results/plan.json`: which experiment asks for which run, and by what name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from edgebnn.errors import ConfigError


@dataclass(frozen=True)
class Summary:
    """What tracking and report need to know of a plan."""

    study: str
    experiments: dict[str, list[dict[str, str]]]
    """Experiment -> its runs: stage, run_id, the method's name in the experiment, and for what trains
    `data`, the packed data set's name."""
    builds: list[str] = field(default_factory=list)
    """Targets for which the trainer is built."""

    def records(self, results: Path) -> list[Path]:
        """The planned runs' records that are there yet, each once, in the plan's order."""
        return [path for path in self._planned(results) if path.is_file()]

    def failures(self, results: Path) -> dict[str, str]:
        """Output's name -> why there is none, of the planned runs, and of the data sets and builds they need."""
        runs = [run for asked in self.experiments.values() for run in asked]
        data = sorted({str(run["data"]) for run in runs if run.get("data")})
        needed = [results / "data" / f"{name}.ebd" for name in data]
        needed += [results / "build" / f"{target}.json" for target in self.builds]
        outputs = [*needed, *self._planned(results)]
        notes = {path: path.with_name(f"{path.name}.failed") for path in outputs}
        return {
            f"build/{path.name}" if path.parent.name == "build" else path.name: note.read_text(
                errors="replace"
            )
            for path, note in notes.items()
            if note.is_file()
        }

    def _planned(self, results: Path) -> dict[Path, None]:
        """Where each planned run's record is or will be, each once."""
        return dict.fromkeys(
            results / run["stage"] / f"{run['run_id']}.json"
            for runs in self.experiments.values()
            for run in runs
        )


def read_summary(path: Path) -> Summary:
    """Reads a plan's summary; raises ConfigError naming the file if it is not one."""
    try:
        plan = json.loads(path.read_bytes())
        return Summary(str(plan["study"]), dict(plan["experiments"]), list(plan.get("builds", [])))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: not a plan's summary (study, experiments)") from None
