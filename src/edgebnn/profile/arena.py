"""The arena as the trainer used it (docs/formats.md, "Profile of the arena"), by variable and by phase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from edgebnn.errors import JobError

Life = tuple[int, int]
"""First and last phase of a step."""

GROUPS = {
    "weights": ("W",),
    "momenta": ("m", "v", "m of beta", "v of beta"),
    "batch norm": ("beta", "moving mu", "moving psi", "1/psi", "omega"),
    "activations": ("signs", "|X| <= 1", "pooled signs", "pool winners", "X"),
    "Y and dX": ("Y, dX, dY", "exponents of dX", "exponents of dY", "largest magnitudes"),
    "gradients": (
        "logits", "gradients of logits", "dY of a tile", "dW of a tile", "border", "dY rows",
        "dX of samples",
    ),
    "images": ("images", "labels"),
    "scratch": (
        "packed W", "W of a tap", "input rows", "products", "sums of Y", "input rows of dW", "input columns",
        "columns of W", "winners of a row", "row of a thread", "sums", "order of channels",
        "shifts of channels",
    ),
}  # fmt: skip
"""The field's terms -> names of buffers in rpi/src/plan.cc, without their layer."""

KEPT = ("W", "m", "v", "beta", "m of beta", "v of beta", "moving mu", "moving psi")
"""What a step leaves to the next: in use in every phase, whoever asks for it."""

_GROUP_OF = {name: group for group, names in GROUPS.items() for name in names}


class Buffer(BaseModel):
    """A buffer of the arena; `offset` and `bytes` are bytes."""

    name: str
    type: str
    bytes: int
    offset: int
    life: Life
    """Planned."""
    used: Life | None
    """The first and the last phase in which it was handed out; None if it never was."""

    @property
    def variable(self) -> str:
        """Its name without the layer: `W` of `layer 2 (dense): W`."""
        return self.name.rpartition(": ")[2]

    @property
    def group(self) -> str:
        """One of GROUPS."""
        return _GROUP_OF.get(self.variable, "scratch")

    def planned_in(self, phase: int) -> bool:
        return self.life[0] <= phase <= self.life[1]

    def used_in(self, phase: int) -> bool:
        """Whether it held something: between its first and its last use, or kept from step to step."""
        if self.used is None:
            return False
        return self.variable in KEPT or self.used[0] <= phase <= self.used[1]


class ArenaProfile(BaseModel):
    """What `edgebnn-train --profile` writes."""

    arena_bytes: int
    peak_bytes: int
    phases: tuple[str, ...]
    buffers: tuple[Buffer, ...]


@dataclass(frozen=True)
class Share:
    """Bytes of one group in one phase."""

    phase: str
    group: str
    planned: int
    used: int


def shares(profile: ArenaProfile) -> Iterator[Share]:
    """Bytes alive by the plan, and bytes in use as measured, of each phase and each group that has any."""
    groups = [name for name in GROUPS if any(b.group == name and b.bytes for b in profile.buffers)]
    for number, phase in enumerate(profile.phases):
        for group in groups:
            members = [buffer for buffer in profile.buffers if buffer.group == group]
            planned = sum(buffer.bytes for buffer in members if buffer.planned_in(number))
            used = sum(buffer.bytes for buffer in members if buffer.used_in(number))
            yield Share(phase, group, planned, used)


def check_use(profile: ArenaProfile) -> None:
    """Raises JobError where use passes the plan: the trainer's profile is not to be trusted then."""
    for buffer in profile.buffers:
        if buffer.used and not buffer.life[0] <= buffer.used[0] <= buffer.used[1] <= buffer.life[1]:
            raise JobError(
                f"profile of the arena: '{buffer.name}' was used in phases {buffer.used[0]} to "
                f"{buffer.used[1]}; it was planned for {buffer.life[0]} to {buffer.life[1]}"
            )
