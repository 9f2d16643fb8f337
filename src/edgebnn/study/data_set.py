"""The data set that an experiment asks for, and the model on its images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.data.digest import ABSENT, digest_of
from edgebnn.data.sources import data_folder, how_to_give, source_of
from edgebnn.errors import ConfigError
from edgebnn.study.model_file import load_network
from edgebnn.study.trainable import check_batch_norms

if TYPE_CHECKING:
    from edgebnn.study.config import Experiment, MemoryCase, Study
    from edgebnn.study.network import Network


def network_of(asked: Experiment | MemoryCase, study: Study, where: str) -> Network:
    """The model's layers on the data set's images, checked against its classes; raises ConfigError."""
    try:
        source = source_of(asked.dataset, data_folder(study.data_dir))
        network = load_network(asked.model, Path(study.models))
        if source.shape is not None:
            network = network.with_input(source.shape)
        classes = network.output[0]
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if source.folder is not None and network.input[-1] != 3:
        raise ConfigError(
            f"{where}: model '{asked.model}' takes images of {network.input[-1]} channels; "
            f"data set '{asked.dataset}' is a folder of images, read in 3: red, green and blue"
        )
    for part in (getattr(asked, "emulate", None), getattr(asked, "device", None)):
        if part:
            source.check_batch(asked.dataset, part.batch_size, where)
            key = "micro_batch" if getattr(part, "micro_batch", None) else "batch_size"
            check_batch_norms(network, getattr(part, key), where, key)
    if classes != source.classes:
        raise ConfigError(
            f"{where}: model '{asked.model}' ends in {classes} outputs, "
            f"data set '{asked.dataset}' has {source.classes} classes"
        )
    return network


def data_digest_of(experiment: Experiment, study: Study, where: str) -> str:
    """The digest of what it trains on.

    Raises:
        ConfigError: a folder of images where none can be trained on, or one that is not there.
    """
    folder = data_folder(study.data_dir)
    source = source_of(experiment.dataset, folder)
    if source.folder is not None and experiment.device:
        raise ConfigError(
            f"{where}: data set '{experiment.dataset}' is a folder of images, which no board reads: "
            f"leave out 'device:' to train on it in Keras alone"
        )
    if source.folder is not None and experiment.augmentation.shift:
        raise ConfigError(
            f"{where}: augmentation.shift: found {experiment.augmentation.shift}; of a folder's images "
            f"random parts are taken in any case: leave it out"
        )
    digest = digest_of(experiment.dataset, source, folder)
    if digest == ABSENT and source.at_home:
        raise ConfigError(
            f"{where}: data set '{experiment.dataset}' is not at hand; "
            f"{how_to_give(experiment.dataset, folder)}"
        )
    return digest
