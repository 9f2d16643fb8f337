"""What other switches cost in accuracy, as measured: docs/switches.md, by the studies that made its tables.

One switch at a time was measured from `proposed` on; several at once are added up where no study has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydantic import ValidationError

from edgebnn.markdown import rows_between
from edgebnn.study.config import Study
from edgebnn.study.optimizer_config import optimizer_of
from edgebnn.study.switches import PRESETS, Switches
from edgebnn.study.yaml_file import load_yaml

STUDIES = {
    "ablation": "ablation-mnist-mlp-b100-virtual",
    "choices": "choices-mnist-mlp-b100-virtual",
}
"""Study in config/ -> the name of its table in the document."""
BASE = PRESETS["proposed"]
NOISE = 0.2
"""Points. One seed's test accuracy is itself uncertain by 0.18: what is less is no difference."""


@dataclass(frozen=True)
class Choice:
    """A method under an optimiser, and its accuracy."""

    optimizer: str
    switches: Switches
    accuracy: float
    """Percent, of MNIST's MLP."""
    measured: bool
    """False: added up from switches that were measured one by one."""


def measured_choices(config: Path, document: Path) -> list[Choice]:
    """Each method of the two studies with its accuracy, once; empty without the document or the studies.

    Args:
        config: the folder of the studies.
        document: docs/switches.md.

    Raises:
        ConfigError: a table is not in the document.
    """
    found: dict[tuple[str, Switches], Choice] = {}
    for study, table in STUDIES.items():
        path = config / f"{study}.yaml"
        if not path.is_file() or not document.is_file():
            return []
        asked = Study.model_validate(load_yaml(path))
        methods: dict[tuple[str, str], Switches] = {
            (optimizer_of(experiment.optimizer, method.switches).kind, method.name): method.switches
            for experiment in asked.experiments
            for method in experiment.methods
        }
        for row in rows_between(document.read_text(encoding="utf-8"), table, document):
            optimizer, switches = row["optimiser"], methods[row["optimiser"], row["method"]]
            accuracy = float(row["test accuracy, %"].split()[0])
            found.setdefault(
                (optimizer, switches), Choice(optimizer, switches, accuracy, measured=True)
            )
    return list(found.values())


def choices(measured: Sequence[Choice]) -> list[Choice]:
    """Those that were measured, and all joint changes of `proposed` under Adam of which each part was."""
    known = {(choice.optimizer, choice.switches): choice for choice in measured}
    base = known.get(("adam", BASE))
    if base is None:
        return list(measured)
    parts: dict[str, list[tuple[str, float]]] = {}
    for choice in measured:
        changed = changes(BASE, choice.switches)
        if choice.optimizer == "adam" and len(changed) == 1:
            (key, value), cost = *changed.items(), choice.accuracy - base.accuracy
            parts.setdefault(key, []).append((value, cost))
    found = dict(known)
    for chosen in product(*([None, *parts[key]] for key in parts)):
        taken = {key: part for key, part in zip(parts, chosen, strict=True) if part is not None}
        try:
            switches = Switches(
                **{**BASE.model_dump(), **{key: value for key, (value, _) in taken.items()}}
            )
        except ValidationError:  # not every two go together
            continue
        accuracy = base.accuracy + sum(cost for _, cost in taken.values())
        found.setdefault(("adam", switches), Choice("adam", switches, accuracy, measured=False))
    return list(found.values())


def changes(of: Switches, to: Switches) -> dict[str, str]:
    """The switches that differ, with their new values."""
    before, after = of.model_dump(), to.model_dump()
    return {key: str(value) for key, value in after.items() if value != before[key]}
