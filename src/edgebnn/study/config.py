"""The study: what the user asks for. Data classes only; config/README.md explains every key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edgebnn.spelling import nearest
from edgebnn.study.explain import parse as parse  # noqa: PLC0414  (for the inventory)
from edgebnn.study.fields import Flag, Name, Number, PathText, PositiveInt, Strict
from edgebnn.study.optimizer_config import AskedOptimizer, Optimizer
from edgebnn.study.switches import PRESETS, Switches
from edgebnn.study.yaml_file import load_yaml as load_yaml  # noqa: PLC0414  (for the inventory)

KerasNetwork = Literal["standard", "float32"]
"""standard: binary weights and activations, all else float32. float32: the same shapes without signs."""


class Method(Strict):
    """A preset, with some switches set otherwise: `{name: proposed-f32, preset: proposed, gradient_dtype: f32}`."""

    name: Name
    switches: Switches

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, dict) or isinstance(value.get("switches"), Switches):
            return value
        value = dict(value)
        preset = value.pop("preset", None)
        if preset is None:
            raise ValueError(f"a 'preset' is missing; presets are {', '.join(PRESETS)}")
        if not isinstance(preset, str) or preset not in PRESETS:
            raise ValueError(
                f"unknown preset '{preset}'{nearest(str(preset), PRESETS)}; presets are {', '.join(PRESETS)}"
            )
        name = value.pop("name", None)
        if name is None and value:
            raise ValueError("a method with switches of its own needs a 'name'")
        for key in value:
            if key not in Switches.model_fields:
                raise ValueError(
                    f"unknown switch '{key}'{nearest(str(key), Switches.model_fields)}; "
                    f"switches are {', '.join(Switches.model_fields)}"
                )
        switches = {**PRESETS[preset].model_dump(), **value}
        return {"name": name or preset, "switches": switches}


class Augmentation(Strict):
    """Of training images, anew in every epoch (docs/numerics.md); as they are by default."""

    shift: Number = Field(default=0.0, ge=0, lt=0.5)
    """Share of a side: up to floor(shift·side) whole pixels either way."""
    fill: Literal["edge", "zero"] = "edge"
    """What a shift leaves empty repeats the edge, or is 0 (black)."""
    flip: Flag = False
    """Mirror left to right, or do not, at random."""

    @model_validator(mode="after")
    def _fills_what_it_empties(self) -> Self:
        if self.fill == "zero" and not self.shift:
            raise ValueError("fill: found 'zero', but without a 'shift' nothing is left empty")
        return self


class Emulation(Strict):
    """Training in Keras, on this machine or its GPUs."""

    batch_size: PositiveInt = 100
    micro_batch: PositiveInt | None = None
    """Images at once: a batch's gradients are summed over its micro-batches. None: the batch."""
    epochs: PositiveInt = 20

    @model_validator(mode="after")
    def _whole_micro_batches(self) -> Self:
        if self.micro_batch and self.batch_size % self.micro_batch:
            raise ValueError(
                f"micro_batch: found {self.micro_batch}; a divisor of batch_size, {self.batch_size}, "
                f"is wanted"
            )
        return self


class OnDevice(Strict):
    """Training by the C++ trainer on the farm."""

    boards: tuple[Name, ...] = Field(default=("virtual",), min_length=1)
    devices: tuple[Name, ...] = ()
    """Names of the devices that may train; empty: any of these boards."""
    batch_size: PositiveInt = 200
    epochs: PositiveInt = 20
    batches: PositiveInt | None = None
    """After which training ends, if its epochs have not before: for measurements. None: the epochs alone."""
    profile: Flag = False
    """Whether the memory of each method's training is looked at on this machine, with the first seed."""


class Baseline(Strict):
    """The same training in Keras on the boards and with the batch size of `device`, to compare with."""

    networks: tuple[KerasNetwork, ...] = Field(default=("standard", "float32"), min_length=1)
    batches: PositiveInt | None = None
    """That are timed. None: as many as `device` trains."""
    profile: Flag = True
    """Whether a second, short run notes the memory over time."""


class Experiment(Strict):
    """One model on one data set, by some methods, with some seeds, in one or both engines."""

    name: Name
    dataset: Name
    model: Name
    methods: tuple[Method, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(strict=True, ge=0, lt=2**63)], ...] = Field(
        default=(0,), min_length=1
    )
    optimizer: AskedOptimizer = Optimizer()
    augmentation: Augmentation = Augmentation()
    init: PathText | None = None
    """What trainings begin from: a `.keras` or `.ebn` file, an experiment above, or the id of a run. None: the seed."""
    freeze: tuple[Annotated[int, Field(strict=True, ge=1)], ...] = ()
    """Numbers of the model's layers that stay as they began, each with its batch norm."""
    emulate: Emulation | None = None
    device: OnDevice | None = None
    baseline: Baseline | None = None

    @model_validator(mode="after")
    def _warmed_up_in_time(self) -> Self:
        warmup = self.optimizer.schedule.warmup
        for stage, asked in (("emulate", self.emulate), ("device", self.device)):
            if asked is not None and warmup >= asked.epochs:
                raise ValueError(
                    f"optimizer.schedule.warmup: found {warmup}, fewer than the {asked.epochs}"
                    f" epochs of {stage} are allowed"
                )
        return self


class MemoryCase(Strict):
    """A row of the memory model: what `methods` would need, without training anything."""

    dataset: Name
    model: Name
    batch_size: PositiveInt = 100
    optimizer: AskedOptimizer = Optimizer()
    methods: tuple[Method, ...] = Field(
        default_factory=lambda: tuple(
            Method(name=name, switches=PRESETS[name]) for name in ("standard", "proposed")
        ),
        min_length=1,
    )


def _results(text: str) -> str:
    if found := [character for character in "{}?" if character in text]:
        raise ValueError(
            f"choose a folder without '{found[0]}': Snakemake reads braces as its wildcards, and an "
            f"MLflow address ends at '?'"
        )
    return text.rstrip("/") or "/"


class Study(Strict):
    """Everything one `snakemake all` does."""

    study: Name
    experiments: tuple[Experiment, ...] = ()
    memory: tuple[MemoryCase, ...] = ()
    results: Annotated[PathText, AfterValidator(_results)] = "results"
    farm: PathText = "config/farm.yaml"
    models: PathText = "config/models"
    data_dir: PathText | None = None
    broken_at_most: Annotated[int, Field(strict=True, ge=0, le=1 << 20)] = 10
    """Images of a folder that an emulation passes over, as they cannot be decoded; one more ends it."""

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [experiment.name for experiment in self.experiments]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"experiments: the name '{name}' stands twice")
        for experiment in self.experiments:
            methods = [method.name for method in experiment.methods]
            for name in methods:
                if methods.count(name) > 1:
                    raise ValueError(
                        f"experiment '{experiment.name}': the method '{name}' stands twice"
                    )
        return self


def parse_study(document: Any, where: str, files: Sequence[Path] = ()) -> Study:
    """The study of a parsed configuration.

    Args:
        document: the mapping of one YAML file, or of several merged by Snakemake.
        where: the file or files, for messages.
        files: to find the lines of mistakes in; the later one's keys win.

    Raises:
        ConfigError: naming file, line, key, value and what is allowed.
    """
    return parse(Study, document, where, files)


def load_study(path: Path) -> Study:
    """The study in a YAML file; raises ConfigError."""
    return parse_study(load_yaml(path), str(path), [path])
