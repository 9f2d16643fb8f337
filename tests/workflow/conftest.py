"""A small study of its own, run by the real workflow in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

STUDY = {
    "study": "tiny",
    "experiments": [
        {
            "name": "tiny-mlp",
            "dataset": "digits",
            "model": "mlp",
            "methods": ["standard", "proposed"],
            "seeds": [0],
            "emulate": {"batch_size": 100, "epochs": 2},
            "device": {"boards": ["virtual"], "batch_size": 200, "epochs": 2},
        }
    ],
    "memory": [{"dataset": "mnist", "model": "mlp", "batch_size": 100}],
}


@dataclass
class Workflow:
    """The project's Snakefile on a configuration and a results folder of the test's."""

    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def configure(self, **changes: object) -> None:
        document = {**STUDY, "results": str(self.results), **changes}
        (self.folder / "study.yaml").write_text(yaml.safe_dump(document))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts `snakemake all` in a process group of its own, its output in one pipe."""
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "all", *arguments]
        command += ["--configfile", str(self.folder / "study.yaml")]
        environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Runs it to its end; returns exit status and output."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        return process.returncode, output

    def records(self) -> dict[str, dict[str, object]]:
        """What every record says of its run, without times, places and memory."""
        found = {}
        for path in sorted(self.results.glob("*/*.json")):
            if path.parent.name in ("memory", "emulate", "device"):
                record = json.loads(path.read_text())
                series = record["series"].items()
                found[f"{path.parent.name}/{path.name}"] = {
                    "parameters": record["parameters"],
                    "series": {k: v for k, v in series if not k.startswith("system/")},
                    "accuracy": record["metrics"].get("test_accuracy"),
                    "loss": record["metrics"].get("test_loss"),
                    "memory": record["metrics"].get("memory_mib"),
                }
        return found

    def leftovers(self) -> list[str]:
        """Command lines of processes that still work on this test's folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                found.append(line)
        return found


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    made = Workflow(tmp_path)
    made.configure()
    return made


def end_group(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C in a terminal does: SIGINT to the whole foreground group."""
    os.killpg(process.pid, signal.SIGINT)
