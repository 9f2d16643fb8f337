"""Whether the farm can train what an experiment asks of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest
from edgebnn.study.model_file import layer_place, model_path
from edgebnn.study.trainable import untrained_layer
from edgebnn.study.trainer_limits import beyond_the_trainer
from edgebnn.study.yaml_lines import line_of

if TYPE_CHECKING:
    from edgebnn.study.config import Experiment, OnDevice, Study
    from edgebnn.study.network import Network

Places = list[tuple[str, tuple[str, ...]]]
"""Kinds of board, each with the names of the devices that are asked for; none: any of them."""


def check_trainable(
    experiment: Experiment,
    network: Network,
    study: Study,
    boards: Mapping[str, Collection[str]],
    where: str,
) -> None:
    """Refuses what an experiment asks of the farm and the farm cannot do; nothing without `device:`.

    Args:
        boards: kind of board -> names of its devices, as the inventory has them.
        where: the experiment, for messages.

    Raises:
        ConfigError: a layer, a batch, a board or a device that is none of the farm's.
    """
    file = model_path(experiment.model, Path(study.models))
    if experiment.device and (untrained := untrained_layer(network)):
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
                    f"{where}: method '{method.name}': model '{experiment.model}' ({file}): {beyond}"
                )
        for board in experiment.device.boards:
            if board not in boards:
                raise ConfigError(
                    f"{where}: device.boards: no device with board '{board}' in {study.farm}"
                    f"{nearest(board, boards)}; boards there: {', '.join(sorted(boards)) or 'none'}"
                )
        _check_named(experiment.device, study, boards, where)


def places(asked: OnDevice, boards: Mapping[str, Collection[str]]) -> Places:
    """Each board that is asked for, with those of its devices that are asked for by name, in order of the alphabet.

    Args:
        boards: kind of board -> names of its devices.
    """
    if not asked.devices:
        return [(board, ()) for board in asked.boards]
    return [(board, tuple(sorted({*boards[board]} & {*asked.devices}))) for board in asked.boards]


def _check_named(
    asked: OnDevice, study: Study, boards: Mapping[str, Collection[str]], where: str
) -> None:
    """The devices that are asked for by name are there, and each is of a board that is asked for."""
    board_of = {name: board for board, names in boards.items() for name in names}
    for name in asked.devices:
        if name not in board_of:
            raise ConfigError(
                f"{where}: device.devices: no device '{name}' in {study.farm}"
                f"{nearest(name, board_of)}; devices there: {', '.join(board_of)}"
            )
        if board_of[name] not in asked.boards:
            raise ConfigError(
                f"{where}: device.devices: '{name}' has board '{board_of[name]}', which is not in "
                f"device.boards ({', '.join(asked.boards)})"
            )
    for board, names in places(asked, boards):
        if asked.devices and not names:
            raise ConfigError(
                f"{where}: device.devices: none of these has board '{board}', which is in device.boards; "
                f"devices with it: {', '.join(boards[board])}"
            )
