"""What a study asks for is something, and asked for once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from edgebnn.study.config import Study


def check_asked(study: Study) -> None:
    """Refuses what would be passed over without a word.

    Raises:
        ConfigError: nothing is asked for, or an experiment trains nothing, or something stands twice.
    """
    if not study.experiments and not study.memory:
        raise ConfigError(
            f"study '{study.study}' asks for nothing: list an experiment under 'experiments:', or a row "
            f"under 'memory:'"
        )
    rows = {f"memory-{case.dataset}-{case.model}" for case in study.memory}
    for experiment in study.experiments:
        where = f"experiment '{experiment.name}'"
        if experiment.name in rows:
            raise ConfigError(f"{where}: a row under 'memory:' has this name; choose another")
        if experiment.emulate is None and experiment.device is None:
            raise ConfigError(
                f"{where}: trains nothing: say 'emulate: {{}}' to train it in Keras, or 'device: {{}}' to "
                f"train it on a device"
            )
        _once(experiment.seeds, f"{where}: seeds")
        if experiment.device:
            _once(experiment.device.boards, f"{where}: device.boards")
    for number, case in enumerate(study.memory):
        if case in study.memory[:number]:
            raise ConfigError(
                f"memory: row {number + 1} ({case.dataset} {case.model}) stands there before; leave one"
            )


def _once(values: Sequence[Any], where: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{where}: {value} stands twice; leave one")
