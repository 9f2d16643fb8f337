"""What an experiment's trainings begin from, and which of their layers stay as they began."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.record import Artifact, Record, file_sha256, read_record
from edgebnn.spelling import nearest
from edgebnn.study.network import has_weights
from edgebnn.study.run import PlannedRun, Run, Stage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from edgebnn.study.config import Experiment, Method, Study
    from edgebnn.study.network import Network

FILES = (".keras", ".ebn")
"""Endings of the files that a training can begin from."""
TRAINED: tuple[Stage, ...] = ("emulate", "device")
"""Stages that leave a trained network, the first in preference."""
ARTIFACTS = ("model", "network")
"""Names of that network among a record's artifacts."""


@dataclass(frozen=True)
class Beginning:
    """What a training begins from."""

    name: str
    """As its run has it: the id of a run, or a file's digest and ending."""
    source: Path
    """The file, or the record of a run of the same plan."""


def check_frozen(freeze: Collection[int], network: Network, model: str, where: str) -> None:
    """Refuses layers that cannot stay as they are; raises ConfigError."""
    weighted = {n: layer.kind for n, layer in enumerate(network.layers, 1) if has_weights(layer)}
    those = ", ".join(f"{number} ({kind})" for number, kind in weighted.items())
    for number in freeze:
        if number not in weighted:
            raise ConfigError(
                f"{where}: found {number}; layers with weights of model '{model}' are {those}"
            )
    if weighted.keys() <= {*freeze}:
        raise ConfigError(f"{where}: found all layers with weights; nothing is trained")


@dataclass(frozen=True)
class Beginnings:
    """Of a study's trainings."""

    study: Study
    experiments: Mapping[str, list[PlannedRun]]
    """What the plan has of it so far: the experiments above."""
    runs: Mapping[Stage, Mapping[str, Run]]

    def of(self, experiment: Experiment, method: Method, run: Run, where: str) -> Beginning | None:
        """What a run of an experiment begins from; None: its seed.

        Args:
            run: the training, as it is without.
            where: the experiment, for messages.

        Raises:
            ConfigError: no such file or run, or one of another network.
        """
        init = experiment.init
        if init is None:
            return None
        if init.endswith(FILES):
            return Beginning(f"{_digest(Path(init), where)}{Path(init).suffix}", Path(init))
        if init in self.experiments and init != experiment.name:
            source: Run | None = self._run_of(init, method, run, where)
        else:
            planned = [self.runs[stage] for stage in TRAINED]
            source = next((runs[init] for runs in planned if init in runs), None)
        if source is None:
            return Beginning(init, self._recorded(init, where))
        _check_same(source, run, experiment, where)
        record = Path(self.study.results) / source.stage / f"{source.id}.json"
        return Beginning(source.id, record)

    def _run_of(self, name: str, method: Method, run: Run, where: str) -> Run:
        """The training of an experiment above that this one goes on from: of the same method and seed."""
        stages = [planned.stage for planned in self.experiments[name]]
        stage = next(stage for stage in TRAINED if stage in stages)
        trained = [
            (planned.method, self.runs[stage][planned.run_id])
            for planned in self.experiments[name]
            if planned.stage == stage
        ]
        methods = dict.fromkeys(found for found, _ in trained)
        seeds = dict.fromkeys(source.seed for _, source in trained)
        fit = [
            source
            for found, source in trained
            if (found == method.name or len(methods) == 1)
            and (source.seed == run.seed or len(seeds) == 1)
        ]
        if len(fit) == 1:
            return fit[0]
        why = f"it has methods {', '.join(methods)} and seeds {', '.join(map(str, seeds))}"
        raise ConfigError(
            f"{where}: init: experiment '{name}' has no run of method '{method.name}' and seed "
            f"{run.seed}: {why}"
            if not fit
            else f"{where}: init: experiment '{name}' trains on several boards: name one of its runs, "
            f"{', '.join(source.id for source in fit)}"
        )

    def _recorded(self, run_id: str, where: str) -> Path:
        """The trained network of a run that another study left in the results."""
        results = Path(self.study.results)
        for stage in TRAINED:
            record = results / stage / f"{run_id}.json"
            if not record.is_file():
                continue
            path = record.parent / network_artifact(read_record(record), record).path
            if not path.is_file():
                raise ConfigError(f"{where}: init: {path}: its trained network is not there")
            return path
        there = [path.stem for stage in TRAINED for path in (results / stage).glob("*.json")]
        names = [experiment.name for experiment in self.study.experiments]
        known = (
            " (it does not stand above)" if run_id in names else nearest(run_id, [*names, *there])
        )
        raise ConfigError(
            f"{where}: init: found '{run_id}'{known}; allowed are a file that ends in "
            f"{' or '.join(FILES)}, an experiment above, or the id of a run in {results}"
        )


def check_given(run: Run, initial: Path | None) -> None:
    """A run and its file of initial weights go together; raises ConfigError."""
    if run.init and initial is None:
        raise ConfigError(
            f"run {run.id}: init: begins from {run.init}: its initial weights are wanted (--init), "
            f"which `edgebnn weights` writes"
        )
    if initial and run.init is None:
        raise ConfigError(f"run {run.id}: begins from its seed: leave out {initial} (--init)")


def network_artifact(record: Record, path: Path) -> Artifact:
    """The trained network of a record, which was read from `path`; raises ConfigError."""
    for name in ARTIFACTS:
        if name in record.artifacts:
            return record.artifacts[name]
    raise ConfigError(f"{path}: this run left no trained network")


def _digest(path: Path, where: str) -> str:
    try:
        return file_sha256(path)[:16]
    except OSError as error:
        raise ConfigError(f"{where}: init: {path}: {error.strerror}") from None


def _check_same(source: Run, run: Run, experiment: Experiment, where: str) -> None:
    """Every layer with weights has the same sizes, but for the units of the last."""
    theirs, ours = list(_sizes(source.network)), list(_sizes(run.network))
    if len(theirs) != len(ours):
        raise ConfigError(
            f"{where}: init: {source.id}: {len(theirs)} layers with weights; model "
            f"'{experiment.model}' has {len(ours)}"
        )
    for (number, fan_in, units), (_, its_fan_in, its_units) in zip(ours, theirs, strict=True):
        last = number == ours[-1][0]
        if fan_in != its_fan_in or (units != its_units and not last):
            raise ConfigError(
                f"{where}: init: {source.id}: layer {number} has {its_units} units of {its_fan_in} "
                f"inputs there, and {units} of {fan_in} in model '{experiment.model}' on "
                f"'{experiment.dataset}'"
            )
        if units != its_units and number in map(str, experiment.freeze):
            raise ConfigError(
                f"{where}: freeze: found {number}, the last layer: it has {its_units} units in "
                f"{source.id} and {units} here, and begins anew"
            )


def _sizes(network: Network) -> Iterator[tuple[str, int, int]]:
    """Number, fan-in and units of each layer with weights."""
    for placed in network.placed():
        if placed.weights:
            yield placed.number, placed.fan_in, placed.output[-1]
