"""What a study asks for is something, and asked for once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgebnn.errors import ConfigError
from edgebnn.study.optimizer_config import optimizer_of
from edgebnn.study.yaml_lines import located

if TYPE_CHECKING:
    from pathlib import Path

    from edgebnn.study.config import Experiment, MemoryCase, Study


def check_asked(study: Study, files: Sequence[Path] = ()) -> None:
    """Refuses what would be passed over without a word.

    Args:
        study: what is asked for.
        files: that it was read from, for the lines of mistakes.

    Raises:
        ConfigError: nothing is asked for, or an experiment trains nothing, or something stands twice, or an
            optimiser does not suit a method or a baseline, or a baseline has no device beside it, or
            random weights are frozen.
    """
    if not study.experiments and not study.memory:
        raise ConfigError(
            f"study '{study.study}' asks for nothing: list an experiment under 'experiments:', or a row "
            f"under 'memory:'"
        )
    rows = {f"memory-{case.dataset}-{case.model}" for case in study.memory}
    for index, experiment in enumerate(study.experiments):
        where = located(f"experiment '{experiment.name}'", ("experiments", index), files)
        if experiment.name in rows:
            raise ConfigError(f"{where}: a row under 'memory:' has this name; choose another")
        if experiment.emulate is None and experiment.device is None:
            raise ConfigError(
                f"{where}: trains nothing: say 'emulate: {{}}' to train it in Keras, or 'device: {{}}' to "
                f"train it on a device"
            )
        _suits(experiment, where)
        _once(experiment.seeds, f"{where}: seeds")
        _once(experiment.freeze, f"{where}: freeze")
        if experiment.freeze and experiment.init is None:
            raise ConfigError(
                f"{where}: freeze: goes with 'init:', what the layers begin from; random weights would "
                f"stay random"
            )
        if experiment.device:
            _once(experiment.device.boards, f"{where}: device.boards")
            _once(experiment.device.devices, f"{where}: device.devices")
        _beside_a_device(experiment, where)
    for index, case in enumerate(study.memory):
        where = located("memory", ("memory", index), files)
        _suits(case, where)
        if case in study.memory[:index]:
            raise ConfigError(
                f"{where}: row {index + 1} ({case.dataset} {case.model}) stands there before; leave one"
            )


def _beside_a_device(experiment: Experiment, where: str) -> None:
    """A baseline has something to be compared with, and Keras can train it."""
    if experiment.baseline is None:
        return
    if experiment.device is None:
        raise ConfigError(
            f"{where}: 'baseline:' takes its boards and its batch size from 'device:', which is not "
            f"there: say 'device: {{}}', or leave out 'baseline:'"
        )
    if experiment.optimizer.kind == "bop":
        raise ConfigError(
            f"{where}: optimizer.kind: found 'bop', which plain Keras does not have; with 'baseline:' "
            f"allowed are adam, sgd"
        )
    _once(experiment.baseline.networks, f"{where}: baseline.networks")


def _suits(asked: Experiment | MemoryCase, where: str) -> None:
    """The optimiser moves what each method keeps."""
    for method in asked.methods:
        try:
            optimizer_of(asked.optimizer, method.switches)
        except ConfigError as error:
            raise ConfigError(f"{where}: method '{method.name}': {error}") from None


def _once(values: Sequence[Any], where: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{where}: {value} stands twice; leave one")
