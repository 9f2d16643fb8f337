"""`edgebnn fit`: the question, what is known, and the answer with its time and energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebnn.data.sources import data_folder, source_of
from edgebnn.errors import ConfigError
from edgebnn.fit.answer import Answer, answer
from edgebnn.fit.choices import choices, measured_choices
from edgebnn.fit.counted import counted
from edgebnn.fit.places import Place
from edgebnn.fit.speed import Asked, Speed, benched, estimated, measured
from edgebnn.memory.arena import plan_arena
from edgebnn.paper import ACCURACY
from edgebnn.record import Record, read_record
from edgebnn.shipped import SHIPPED
from edgebnn.study.model_file import load_network, parse_network
from edgebnn.study.trainable import check_batch_norms
from edgebnn.study.yaml_file import load_yaml

if TYPE_CHECKING:
    from edgebnn.memory.arena import Arena
    from edgebnn.study.network import Network
    from edgebnn.study.switches import Switches


@dataclass(frozen=True)
class Found:
    """All that there is to say."""

    asked: Asked
    dataset: str | None
    images: int | None
    """Of the training set."""
    threads: int
    place: Place
    answer: Answer
    speed: Speed | None

    @property
    def steps(self) -> int | None:
        """Of an epoch; a last incomplete batch is left out."""
        return None if self.images is None else self.images // self.asked.batch_size


def fit(
    asked: Asked,
    dataset: str | None,
    images: int | None,
    threads: int,
    place: Place,
    *,
    results: Path,
) -> Found:
    """Plans, searches and estimates.

    Args:
        asked: the training.
        dataset: its data set, None: not known.
        images: of the training set.
        threads: of the trainer.
        place: where it is to fit.
        results: a study's folder, for measured times.

    Raises:
        ConfigError: the trainer does not train such a run, or a file is not what it should be.
        JobError: the trainer cannot be built.
    """

    def plan(batch_size: int, optimizer: str, switches: Switches) -> Arena:
        return plan_arena(asked.network, batch_size, optimizer, switches, threads)

    check_batch_norms(asked.network, asked.batch_size, "--batch-size", "batch_size")
    known = choices(measured_choices(SHIPPED / "config", SHIPPED / "docs" / "switches.md"))
    found = answer(asked, place.free_bytes, images, plan, known)
    speed = _speed(asked, threads, place, found, results)
    return Found(asked, dataset, images, threads, place, found, speed)


def network_on(
    model: str, models: Path, dataset: str | None
) -> tuple[Network, str | None, int | None]:
    """A model on a data set's images, the data set (by default the paper's for this model) and its number of
    training images, None where that is not known.

    Args:
        model: a name in `models`, or a path of a model file.
        models: folder of model files.
        dataset: a data set, or None.

    Raises:
        ConfigError: no such model or data set, or they do not go together.
    """
    path = Path(model)
    if path.suffix in {".yaml", ".yml"} and path.is_file():
        network = parse_network(load_yaml(path), str(path), path)
    else:
        network = load_network(model, models)
    dataset = dataset or next((row.dataset for row in ACCURACY if row.model == model), None)
    if dataset is None:
        return network, None, None
    source = source_of(dataset, data_folder(None))
    network = network.with_input(source.shape) if source.shape else network
    if network.output[0] != source.classes:
        raise ConfigError(
            f"model '{model}' ends in {network.output[0]} outputs, "
            f"data set '{dataset}' has {source.classes} classes"
        )
    return network, dataset, source.counts[0] if source.counts else None


def _speed(asked: Asked, threads: int, place: Place, found: Answer, results: Path) -> Speed | None:
    if not place.name:
        return None
    speed = measured(asked, place.name, _records(results))
    if speed is None and place.virtual:
        speed = benched(asked, threads, results)
    if speed is None and place.speed is not None:
        known = counted(results, SHIPPED / "docs" / "performance.md")
        arena = found.arena.arena_bytes
        if known is not None:
            speed = estimated(asked, place.speed, threads, arena, known)
    if speed is not None and speed.step_j is None and place.watts is not None:
        speed = replace(speed, step_j=speed.step_s * place.watts, watts=place.watts)
    return speed


def _records(results: Path) -> Sequence[Record]:
    return [read_record(path) for path in sorted((results / "device").glob("*.json"))]
