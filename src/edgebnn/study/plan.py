"""From a study to its runs: pure, no files written, nothing started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from edgebnn.data.sources import check_data_folder, data_folder, remarks_on
from edgebnn.study.asked import check_asked
from edgebnn.study.config import Experiment, MemoryCase, Method, Study
from edgebnn.study.data_set import data_digest_of, network_of
from edgebnn.study.engines import forced_kernel, keras_backend
from edgebnn.study.initial import Beginnings, check_frozen
from edgebnn.study.network import Network
from edgebnn.study.on_device import Places, check_trainable, places
from edgebnn.study.optimizer_config import Constant, optimizer_of
from edgebnn.study.run import BOARD_STAGES, PlannedRun, Run, Stage
from edgebnn.study.switches import PRESETS
from edgebnn.study.trainable import untrained_layer
from edgebnn.study.yaml_lines import located


class Plan(BaseModel):
    """A study's runs: which experiment wants which, and each run once."""

    study: str
    experiments: dict[str, list[PlannedRun]]
    runs: dict[Stage, dict[str, Run]]
    beginnings: dict[str, Path] = {}
    """Of each `init` of a run: the file, or the record of a run, that has the trained network."""
    builds: tuple[str, ...] = ()
    """Targets for which the trainer is built, in alphabetical order."""

    def with_builds(self, targets: Mapping[str, Collection[str]]) -> Plan:
        """The same plan with the builds it needs: those of its boards, and the one that plans memory.

        Args:
            targets: kind of board -> targets of its devices.
        """
        needed = {
            target
            for stage in BOARD_STAGES
            for run in self.runs[stage].values()
            for target in targets[run.board or ""]
        }
        if any(untrained_layer(run.network) is None for run in self.runs["memory"].values()):
            needed.add("native")
        return self.model_copy(update={"builds": tuple(sorted(needed))})

    def summary(self) -> str:
        """Canonical JSON of what tracking and report need: all but the runs themselves."""
        return json.dumps(self.model_dump(exclude={"runs", "beginnings"}), sort_keys=True)

    def digest(self) -> str:
        """Hexadecimal digest of what is asked for: equal plans, equal digest, however many runs."""
        asked = json.dumps(self.model_dump(include={"study", "experiments"}), sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


def make_plan(
    study: Study, boards: Mapping[str, Collection[str]], files: Sequence[Path] = ()
) -> Plan:
    """All runs of a study.

    Args:
        study: what is asked for.
        boards: kind of board -> names of its devices, as the inventory has them.
        files: that the study was read from, for the lines of mistakes.

    Raises:
        ConfigError: an unknown data set, model, board or device, or a network that does not fit its data.
    """
    check_asked(study, files)
    check_data_folder(study.data_dir)
    plan = Plan(study=study.study, experiments={}, runs={stage: {} for stage in get_args(Stage)})
    beginnings = Beginnings(study, plan.experiments, plan.runs)
    for index, experiment in enumerate(study.experiments):
        where = located(f"experiment '{experiment.name}'", ("experiments", index), files)
        network = network_of(experiment, study, where)
        check_frozen(experiment.freeze, network, experiment.model, f"{where}: freeze")
        check_trainable(experiment, network, study, boards, where)
        data_digest = data_digest_of(experiment, study, where)
        at = places(experiment.device, boards) if experiment.device else []
        for run, method in _runs_of(experiment, network, data_digest, at):
            begun = run
            if run.stage != "memory":
                begin = beginnings.of(experiment, method, run, where)
                if begin:
                    plan.beginnings[begin.name] = begin.source
                    begun = run.model_copy(update={"init": begin.name})
            _add(plan, experiment.name, begun, method.name)
        for run in _baseline_runs(experiment, network, data_digest, at):
            _add(plan, experiment.name, run, run.method)
    for index, case in enumerate(study.memory):
        where = located(f"memory row '{case.dataset} {case.model}'", ("memory", index), files)
        network = network_of(case, study, where)
        for method in case.methods:
            run = _memory_run(case, network, method, case.batch_size)
            _add(plan, f"memory-{case.dataset}-{case.model}", run, method.name)
    return plan


def remarks(plan: Plan, study: Study) -> list[str]:
    """What is odd about the data sets of a plan's trainings; they are run all the same."""
    trained = [run for stage in ("emulate", "device") for run in plan.runs[stage].values()]
    return remarks_on((run.dataset for run in trained), data_folder(study.data_dir))


def _add(plan: Plan, experiment: str, run: Run, method: str) -> None:
    plan.runs[run.stage][run.id] = run
    planned = PlannedRun(stage=run.stage, run_id=run.id, method=method, data=run.pack)
    if planned not in plan.experiments.setdefault(experiment, []):
        plan.experiments[experiment].append(planned)


def _runs_of(
    experiment: Experiment, network: Network, data_digest: str, at: Places
) -> Iterator[tuple[Run, Method]]:
    """What an experiment trains, behind the memory of each batch size that it trains with."""
    emulate, device = experiment.emulate, experiment.device
    sizes = sorted({part.batch_size for part in (emulate, device) if part})
    for method in experiment.methods:
        memory = {size: _memory_run(experiment, network, method, size) for size in sizes}
        for run in memory.values():
            yield run, method
        if device and device.profile:
            yield _profile_run(memory[device.batch_size], data_digest, experiment.seeds[0]), method
        for seed in experiment.seeds:
            trained = {
                "data_digest": data_digest,
                "seed": seed,
                "augmentation": experiment.augmentation,
            }
            if emulate:
                whole = emulate.micro_batch == emulate.batch_size
                own: dict[str, object] = {"micro_batch": None if whole else emulate.micro_batch}
                own |= {"stage": "emulate", "epochs": emulate.epochs}
                run = memory[emulate.batch_size].model_copy(update=trained | own)
                yield run.model_copy(update={"backend": keras_backend()}), method
            if device:
                trained |= {"stage": "device", "epochs": device.epochs}
                run = memory[device.batch_size].model_copy(update=trained)
                run = run.model_copy(update={"kernel": forced_kernel(), "batches": device.batches})
                for board, names in at:
                    yield run.model_copy(update={"board": board, "devices": names}), method


def _profile_run(memory: Run, data_digest: str, seed: int) -> Run:
    """Without what changes no memory: augmentation, schedule, epochs."""
    optimizer = memory.optimizer.model_copy(update={"schedule": Constant()})
    profiled = {"stage": "profile", "data_digest": data_digest, "seed": seed}
    profiled |= {"optimizer": optimizer, "kernel": forced_kernel()}
    return memory.model_copy(update=profiled)


def _baseline_runs(
    experiment: Experiment, network: Network, data_digest: str, at: Places
) -> Iterator[Run]:
    """One for each network, board and seed, whatever the methods: without augmentation, at a constant
    learning rate, for its time and its memory."""
    baseline, device = experiment.baseline, experiment.device
    if baseline is None or device is None:
        return
    for seed, kind, (board, names) in product(experiment.seeds, baseline.networks, at):
        yield Run(
            stage="baseline",
            dataset=experiment.dataset,
            data_digest=data_digest,
            model=experiment.model,
            network=network,
            switches=PRESETS["standard"],
            optimizer=experiment.optimizer.model_copy(update={"schedule": Constant()}),
            batch_size=device.batch_size,
            epochs=None if baseline.batches else device.epochs,
            batches=baseline.batches or device.batches,
            seed=seed,
            board=board,
            devices=names,
            keras=kind,
            profile=baseline.profile,
        )


def _memory_run(
    asked: Experiment | MemoryCase, network: Network, method: Method, batch_size: int
) -> Run:
    return Run(
        stage="memory",
        dataset=asked.dataset,
        model=asked.model,
        network=network,
        switches=method.switches,
        optimizer=optimizer_of(asked.optimizer, method.switches),
        batch_size=batch_size,
        freeze=getattr(asked, "freeze", ()),
    )
