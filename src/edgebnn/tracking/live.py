"""A study that runs, in MLflow as it goes: records as they come, and the curves of trainings between them.

A training under way is a run of its own, RUNNING, without a digest: `track` logs its record as a whole and
deletes it. One that nobody follows any more is KILLED, until it is followed again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebnn.epochs import FILE, SERIES, noted_epochs
from edgebnn.errors import EdgebnnError
from edgebnn.study.files import read_run
from edgebnn.summary import Summary, read_summary
from edgebnn.tracking.child import log_params, name_of
from edgebnn.tracking.owner import TAG, Owner, owner_of
from edgebnn.tracking.store import database_of, experiment_id, open_store
from edgebnn.tracking.track import existing_runs, search, store_address, track

STAGES = ("emulate", "device")
"""That tell their epochs."""
LOOK_S = 1.0
REST = 10
"""Between two passes at least so many times as long as a pass takes."""


@dataclass
class _Training:
    """One that runs, as an experiment asks for it."""

    experiment: str
    stage: str
    run_id: str
    method: str
    state: Path
    run: str | None = None
    """Its run in MLflow."""
    parent: str | None = None
    """The run of its experiment."""
    epochs: int = 0
    """That are there."""


@dataclass(frozen=True)
class _Store:
    """MLflow, open."""

    client: Any
    where: str
    """Id of the study's MLflow experiment."""
    owner: Owner
    """The results folder."""


@dataclass
class Follower:
    """Of a study's results."""

    plan_summary: Path
    uri: str
    say: Callable[[str], None]
    seen: frozenset[tuple[Path, int]] = frozenset()
    """Files, with their sizes, as the last pass found them."""
    trainings: dict[tuple[str, str, str], _Training] = field(default_factory=dict)
    silent: bool = False
    """Whether the store was out of reach, which is said once."""

    @property
    def results(self) -> Path:
        return self.plan_summary.parent

    def changed(self) -> bool:
        """Whether there is a record more, or an epoch."""
        try:
            plan = read_summary(self.plan_summary)
        except EdgebnnError:
            return False  # not yet written
        files = [
            *plan.records(self.results),
            *(each.state / FILE for each in _planned(plan, self.results)),
        ]
        now = frozenset((path, path.stat().st_size) for path in files if path.is_file())
        if not now or now == self.seen:
            return False
        self.seen = now
        return True

    def log(self) -> None:
        """Brings MLflow up to date; a store that is out of reach is tried again at the next pass."""
        plan = read_summary(self.plan_summary)
        try:
            track(plan.records(self.results), self.plan_summary, self.uri, None)
            with open_store(self.uri) as client:
                where = experiment_id(client, self.uri, plan.study)
                owner = owner_of(self.results, database_of(self.uri))
                self._log_trainings(_Store(client, where, owner), plan)
            self.silent = False
        except EdgebnnError as error:
            self.seen = frozenset()
            if not self.silent:
                self.say(f"{error}; trying again while the study runs")
            self.silent = True

    def end(self) -> None:
        """What still runs in MLflow is not followed any more."""
        left = [each.run for each in self.trainings.values() if each.run]
        if not left or self.silent:
            return
        try:
            with open_store(self.uri) as client:
                for run in left:
                    found = client.get_run(run).info
                    if (found.status, found.lifecycle_stage) == ("RUNNING", "active"):
                        client.set_terminated(run, "KILLED")
        except EdgebnnError as error:
            self.say(str(error))

    def _log_trainings(self, store: _Store, plan: Summary) -> None:
        there = existing_runs(store.client, store.where)
        for planned in _planned(plan, self.results):
            key = (planned.experiment, planned.stage, planned.run_id)
            training = self.trainings.setdefault(key, planned)
            if (self.results / training.stage / f"{training.run_id}.json").is_file():
                self.trainings.pop(key)
            elif epochs := noted_epochs(training.state):
                if training.run is None:
                    self._find_or_make(store, training, there.get(key, []))
                _put_below_its_experiment(store, training)
                _log_epochs(store.client, training, epochs)

    def _find_or_make(self, store: _Store, training: _Training, there: Iterable[Any]) -> None:
        client = store.client
        for run in there:
            if store.owner.owns(run):
                training.run = str(run.info.run_id)
                there_already = client.get_metric_history(training.run, SERIES[-1])
                training.epochs = max((point.step for point in there_already), default=0)
                client.update_run(training.run, status="RUNNING")
                return
        run = read_run(self.results / "runs" / training.stage / f"{training.run_id}.json")
        parameters = run.parameters()
        tags = {
            TAG: store.owner.identity,
            "edgebnn.kind": "run",
            "edgebnn.experiment": training.experiment,
            "edgebnn.stage": training.stage,
            "edgebnn.run_id": training.run_id,
            "edgebnn.method": training.method,
        }
        name = name_of(training.method, training.stage, parameters)
        made = client.create_run(store.where, tags=tags, run_name=name)
        training.run = str(made.info.run_id)
        log_params(client, training.run, parameters)


def follow(
    plan_summary: Path,
    tracking_uri: str | None,
    say: Callable[[str], None],
    rest_s: float = LOOK_S,
    starter: int | None = None,
) -> None:
    """Follows a study until the process that started this one is gone.

    Args:
        plan_summary: results/plan.json.
        tracking_uri: MLflow's store; None: MLFLOW_TRACKING_URI, else a SQLite file under results/.
        say: told what stands in the way.
        rest_s: seconds before the first pass: a short study needs none.
        starter: the process that started this one; None: its parent by now, which is another if the
            starter was killed while this one loaded its modules.
    """
    follower = Follower(plan_summary, store_address(tracking_uri), say)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    starter, next_pass = starter or os.getppid(), time.monotonic() + rest_s
    try:
        while os.getppid() == starter:
            time.sleep(LOOK_S)
            begun = time.monotonic()
            if begun >= next_pass and follower.changed():
                follower.log()
                ended = time.monotonic()
                next_pass = ended + REST * (ended - begun)
    finally:
        follower.end()


def _planned(plan: Summary, results: Path) -> Iterator[_Training]:
    for experiment, runs in plan.experiments.items():
        for run in runs:
            if run["stage"] in STAGES:
                state = results / run["stage"] / "state" / run["run_id"]
                yield _Training(experiment, run["stage"], run["run_id"], run["method"], state)


def _log_epochs(
    client: Any, training: _Training, epochs: Mapping[int, Mapping[str, float]]
) -> None:
    """Those that are not there yet."""
    from mlflow.entities import Metric

    now = time.time_ns() // 1_000_000
    points = [
        Metric(name, value, now, epoch)
        for epoch, figures in epochs.items()
        if epoch > training.epochs
        for name, value in figures.items()
    ]
    if points:
        client.log_batch(training.run, metrics=points)
        training.epochs = max(epochs)


def _put_below_its_experiment(store: _Store, training: _Training) -> None:
    """Which has a run once it has a record."""
    if training.parent:
        return
    for run in search(store.client, store.where, "tags.`edgebnn.kind` = 'experiment'"):
        if run.data.tags["edgebnn.experiment"] == training.experiment and store.owner.owns(run):
            training.parent = str(run.info.run_id)
            store.client.set_tag(training.run, "mlflow.parentRunId", training.parent)
