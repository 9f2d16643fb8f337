"""Whether the farm can train what an experiment asks of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest
from edgebnn.study.model_file import layer_place
from edgebnn.study.trainable import untrained_layer
from edgebnn.study.trainer_limits import beyond_the_trainer
from edgebnn.study.yaml_lines import line_of

if TYPE_CHECKING:
    from edgebnn.study.config import Experiment, Study
    from edgebnn.study.network import Network


def check_trainable(
    experiment: Experiment, network: Network, study: Study, boards: set[str], where: str
) -> None:
    """Refuses what an experiment asks of the farm and the farm cannot do; nothing without `device:`.

    Args:
        boards: the kinds of board that the inventory has.
        where: the experiment, for messages.

    Raises:
        ConfigError: a layer, a batch or a board that is none of the farm's.
    """
    if experiment.device and (untrained := untrained_layer(network)):
        file = Path(study.models) / f"{experiment.model}.yaml"
        line = line_of(layer_place(untrained.placed.number), file)
        raise ConfigError(
            f"{where}: model '{experiment.model}' ({file}{f', line {line}' if line else ''}): {untrained}; "
            f"leave out 'device:' to train it in Keras alone, or list it under 'memory:' for its "
            f"memory model"
        )
    if experiment.device:
        for method in experiment.methods:
            beyond = beyond_the_trainer(network, experiment.device.batch_size, method.switches)
            if beyond:
                raise ConfigError(
                    f"{where}: method '{method.name}': model '{experiment.model}' "
                    f"({study.models}/{experiment.model}.yaml): {beyond}"
                )
        for board in experiment.device.boards:
            if board not in boards:
                raise ConfigError(
                    f"{where}: device.boards: no device with board '{board}' in {study.farm}"
                    f"{nearest(board, boards)}; boards there: {', '.join(sorted(boards)) or 'none'}"
                )
