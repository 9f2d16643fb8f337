"""What is timed: the networks and batch sizes, and the trainer's methods."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.errors import ConfigError
from edgebnn.shipped import MODELS
from edgebnn.spelling import nearest
from edgebnn.study.model_file import load_network
from edgebnn.study.network import Network
from edgebnn.study.switches import PRESETS, Switches


@dataclass(frozen=True)
class Case:
    """A network at a batch size, on images of the network's own shape."""

    model: str
    batch_size: int

    @property
    def network(self) -> Network:
        """One of those that edgebnn brings."""
        return load_network(self.model, MODELS)

    @property
    def name(self) -> str:
        """`mlp-b200`."""
        return f"{self.model}-b{self.batch_size}"

    @property
    def title(self) -> str:
        """`mlp B200`, for progress and messages."""
        return f"{self.model} B{self.batch_size}"


CASES = (Case("mlp", 200), Case("binarynet", 40), Case("binarynet", 100), Case("cnv", 100))
NAMES = tuple(dict.fromkeys(name for case in CASES for name in (case.model, case.name)))
"""What `--only` takes."""


def cases_of(only: str | None) -> tuple[Case, ...]:
    """All cases, or those of one model, or one.

    Args:
        only: `binarynet`, or with the batch size `binarynet-b40`.

    Raises:
        ConfigError: a network that is not timed.
    """
    if only is not None and only not in NAMES:
        raise ConfigError(
            f"--only: found '{only}'{nearest(only, NAMES)}; allowed are {', '.join(NAMES)}"
        )
    return tuple(case for case in CASES if only in (None, case.model, case.name))


def methods() -> dict[str, Switches]:
    """Name -> switches: `proposed` as it is and with gradients in i16, and `lean`."""
    proposed = PRESETS["proposed"]
    wanted = {
        "proposed": proposed,
        "proposed i16": proposed.model_copy(update={"gradient_dtype": "i16"}),
        "lean": PRESETS["lean"],
    }
    by_switches = {switches: name for name, switches in reversed(wanted.items())}
    return {name: switches for name, switches in wanted.items() if by_switches[switches] == name}
