"""The section of profiles: of each experiment and method the figure, and the totals in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebnn.report.groups import Figure, Group, once
from edgebnn.report.profiled import figure


@dataclass(frozen=True)
class Profile:
    """One method's training."""

    group: Group
    arena: Figure | None
    """Measured peak, MiB; as are the process' largest resident set and what of it is no arena."""
    process: Figure | None
    rest: Figure | None
    svg: str
    """The figure, markup of ours."""
    massif: str
    """What massif counted, or why there is nothing."""


def profiles(groups: Sequence[Group]) -> list[Profile]:
    """In the order of the groups; those that two experiments share stand once."""
    return [
        Profile(
            group,
            group.figure("arena_peak_mib"),
            group.figure("peak_memory_mib"),
            group.figure("not_arena_mib"),
            figure(group.records[0]),
            group.records[0].notes.get("massif", ""),
        )
        for group in once(groups)
        if group.stage == "profile"
    ]
