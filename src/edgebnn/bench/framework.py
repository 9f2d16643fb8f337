"""A framework as a contestant: a child process that stays alive and is asked for turns over a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import edgebnn
from edgebnn.bench.cases import Case
from edgebnn.bench.contestant import Turn
from edgebnn.bench.race import MOST_STEPS, TRIAL_STEPS
from edgebnn.errors import JobError

LAST_LINES = 5
TRIAL_S = 0.3
"""Of the trial that decides between two ways, about."""


class Framework:
    """One network in one child process (child.py)."""

    def __init__(self, name: str, python: Path, module: str, spec: dict[str, Any]) -> None:
        """Starts the child and waits until its network is built and warm.

        Args:
            name: for tables.
            python: the interpreter of the framework's environment.
            module: of this package, which the child runs.
            spec: of the network, as spec_of makes it.

        Raises:
            JobError: the child ended; the message has its last lines.
        """
        self.name = name
        self.versions: dict[str, str] = {}
        environment = os.environ | {
            "PYTHONPATH": str(Path(edgebnn.__file__).parents[1]),
            "OMP_NUM_THREADS": str(spec["threads"]),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "KERAS_BACKEND": "tensorflow",
        }
        self._log = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115
        self._child = subprocess.Popen(
            [str(python), "-m", module],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            ready = self._ask(spec)
            self._by: str = ready["by"]
            self.versions = ready["versions"]
        except BaseException:
            self.close()
            raise

    def turn(self, steps: int) -> Turn:
        """Asks the child.

        Raises:
            JobError: the child ended; the message has its last lines.
        """
        answer = self._ask({"steps": steps})
        return Turn(answer["step_s"], answer["peak_bytes"], self._by)

    def close(self) -> None:
        """Closes the pipe, upon which the child ends; else it is killed."""
        assert self._child.stdin is not None
        with suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        assert self._child.stdout is not None
        self._child.stdout.close()
        self._log.close()

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with suppress(BrokenPipeError):
            self._child.stdin.write(json.dumps(question) + "\n")
            self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            self._child.wait()
            self._log.seek(0)
            last = "\n".join(self._log.read().splitlines()[-LAST_LINES:])
            raise JobError(f"{self.name}: exit status {self._child.returncode}: {last}")
        return json.loads(line)


def spec_of(case: Case, threads: int, **options: Any) -> dict[str, Any]:
    """What a child builds its network from: layers as in the model's file, shapes, batch, threads."""
    network = case.network
    return {
        "input": network.input,
        "layers": [layer.model_dump() for layer in network.layers],
        "classes": network.output[0],
        "batch_size": case.batch_size,
        "threads": threads,
        **options,
    }


def quickest(starts: Sequence[Callable[[], Framework]]) -> Framework:
    """Starts one after the other, gives each a trial, and keeps the quickest; the others are closed."""
    best: tuple[float, Framework] | None = None
    for start in starts:
        one = start()
        step_s = one.turn(TRIAL_STEPS).step_s
        if (steps := min(MOST_STEPS, round(TRIAL_S / step_s))) > TRIAL_STEPS:
            step_s = one.turn(steps).step_s
        if best is not None and best[0] <= step_s:
            one.close()
            continue
        if best is not None:
            best[1].close()
        best = step_s, one
    assert best is not None
    return best[1]
