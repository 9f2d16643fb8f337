"""The Raspberry Pi 5's own power chip: `vcgencmd pmic_read_adc`.

It prints a current and a voltage for each rail that it makes, as `VDD_CORE_A current(7)=5.03652000A`
and `VDD_CORE_V volt(15)=0.89369880V`. Power is the sum of their products. The 5 V input has a voltage
alone (`EXT5V_V`), so what goes from there to USB ports, fan, HAT, and the chip's own losses is not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from edgebnn.energy.meter import Ask, OnBoard, Reading, Sources
from edgebnn.energy.readings import shown, sift
from edgebnn.energy.trace import Trace
from edgebnn.errors import ConfigError

TEXT = "pmic"
_COMMAND = ("vcgencmd", "pmic_read_adc")
_LINE = re.compile(
    r"^\s*(?P<rail>[A-Z0-9_]+)_(?:A current\(\d+\)=(?P<ampere>\d+\.\d+)A|V volt\(\d+\)=(?P<volt>\d+\.\d+)V)\s*$",
    re.MULTILINE,
)


class Config(OnBoard):
    """`{kind: rpi5-pmic}`"""

    kind: Literal["rpi5-pmic"]

    def sources(self, ask: Ask) -> Sources:
        """The command; see OnBoard."""
        text = ask(f"{' '.join(_COMMAND)} 2>&1 || true").strip()
        if self._watts(rails(text)) is None:
            raise ConfigError(
                f"meter {self.kind}: `{' '.join(_COMMAND)}` says {shown(text)}; wanted is "
                f"{self._wanted}: a Raspberry Pi 5, and an account of the group video"
            )
        return Sources(self.interval_s, commands={TEXT: _COMMAND})

    def trace(self, readings: Iterable[Reading]) -> Trace:
        """Power as straight lines from reading to reading; see OnBoard.

        A reading that lacks a rail which most have (it was cut, or has a NaN) is none.
        """
        lines = [line for line in readings if isinstance(line.get(TEXT), str)]
        found = Counter(frozenset(rails(str(line[TEXT]))) for line in lines)
        usual = max(found, key=lambda names: (found[names], len(names)), default=frozenset())

        def watts(texts: Sequence[str]) -> float | None:
            power = rails(texts[0])
            return self._watts(power) if usual <= power.keys() else None

        times, powers = sift(lines, (TEXT,), watts, f"meter {self.kind}", self._wanted)
        return Trace.of_powers(times, powers, self.longest_gap_s)

    def parts(self, readings: Iterable[Reading]) -> dict[str, float]:
        """Of each rail, over the readings that have it; see OnBoard."""
        watts: dict[str, list[float]] = {}
        for line in readings:
            for rail, power in rails(str(line.get(TEXT, ""))).items():
                watts.setdefault(rail, []).append(power)
        return {rail: fmean(powers) for rail, powers in watts.items()}

    @property
    def _wanted(self) -> str:
        return (
            f"a current and a voltage for each rail, in all up to {self.most_w:g} W (key most_w), as "
            f"`VDD_CORE_A current(7)=1.5A` and `VDD_CORE_V volt(15)=0.9V`"
        )

    def _watts(self, power: Mapping[str, float]) -> float | None:
        total = sum(power.values())
        return total if power and total <= self.most_w else None


def rails(text: str) -> dict[str, float]:
    """Watts of each rail that has both a current and a voltage, by name."""
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for line in _LINE.finditer(text):
        if line["ampere"]:
            amperes[line["rail"]] = float(line["ampere"])
        else:
            volts[line["rail"]] = float(line["volt"])
    return {rail: amperes[rail] * volts[rail] for rail in amperes if rail in volts}
