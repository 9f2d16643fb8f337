"""The user's own watts, times measured seconds: an estimate, and labelled as one."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgebnn.energy.meter import Assumed
from edgebnn.energy.trace import Trace


class Config(Assumed):
    """`{kind: declared, idle_w: 1.9, load_w: 3.7}`"""

    kind: Literal["declared"]
    load_w: float = Field(strict=True, gt=0, allow_inf_nan=False)
    """Watts while training."""

    @model_validator(mode="after")
    def _load_above_idle(self) -> Self:
        if self.load_w < self.idle_w:
            raise ValueError(f"load_w ({self.load_w}) is below idle_w ({self.idle_w})")
        return self

    def trace(self, begin_s: float, end_s: float) -> Trace:
        """The load's watts all along, as an estimate."""
        span, load = (begin_s, end_s), (self.load_w, self.load_w)
        return Trace.of_powers(span, load, longest_gap_s=end_s - begin_s, source="estimated")
