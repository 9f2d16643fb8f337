"""The energy counters of x86 processors: Linux's powercap, `intel-rapl` (AMD's have the same name).

`energy_uj` counts microjoules since boot, and begins again at 0 after `max_energy_range_uj`
(Documentation/power/powercap/powercap.rst). It is of the processor's packages, not of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from pydantic import Field

from edgebnn.energy import board
from edgebnn.energy.meter import Ask, BoardFolder, OnBoard, Reading, Sources, Watts
from edgebnn.energy.readings import shown, sift
from edgebnn.energy.trace import Trace
from edgebnn.errors import ConfigError, InfrastructureError

ENERGY, RANGE = "energy_uj_", "energy_range_uj_"
_WANTED = "a counter energy_uj of whole microjoules, up to its max_energy_range_uj"


class Config(OnBoard):
    """`{kind: rapl}`"""

    kind: Literal["rapl"]
    zone: str = Field(default="package", pattern=r"^[A-Za-z0-9:_-]+$", max_length=64)
    """`package`: all packages, as a sum; a zone's folder, as `intel-rapl:0:0`; or its name, as `psys`."""
    root: BoardFolder = "/sys/class/powercap"
    """Where the board's zones are."""
    most_w: Watts = Field(default=1000.0, gt=0)
    """A counter that runs faster than this was set back."""

    def sources(self, ask: Ask) -> Sources:
        """Counter and range of each zone; see OnBoard."""
        files: dict[str, str] = {}
        for number, folder in enumerate(self._folders(ask)):
            files[f"{ENERGY}{number}"] = f"{folder}/energy_uj"
            files[f"{RANGE}{number}"] = f"{folder}/max_energy_range_uj"
        said = board.read(ask, files)
        for name, path in files.items():
            text, read = said[name].text, said[name].read
            if not read and "denied" in text.lower():
                raise ConfigError(
                    f"{self._name}: {path}: {text}. Linux lets only root read it (since 5.10); let all "
                    f"read it by `sudo chmod a+r {path}`, which lasts until the next boot, or as in "
                    f"docs/meters.md"
                )
            if not read or not _is_count(text):
                raise ConfigError(f"{self._name}: {path} says {shown(text)}; wanted is {_WANTED}")
        return Sources(self.interval_s, files=files)

    def trace(self, readings: Iterable[Reading]) -> Trace:
        """Constant power from reading to reading; see OnBoard."""
        lines = list(readings)
        zones = max((_zones(line) for line in lines), default=0) or 1
        names = [f"{kind}{number}" for number in range(zones) for kind in (ENERGY, RANGE)]
        times, counts = sift(lines, names, _counts, self._name, _WANTED)
        table = np.array(counts, float).reshape(len(times), zones, 2)
        energy, largest = table[:, :, 0], table[1:, :, 1]
        steps = np.diff(energy, axis=0)
        steps = np.where(steps < 0, steps + largest, steps).sum(axis=1) / 1e6
        if len(times) > 2 and not steps.any():
            raise InfrastructureError(
                f"{self._name}: the counter stands still at {energy[0].sum():.0f} uJ over "
                f"{len(times)} readings; a virtual machine often has one that does not count"
            )
        joules = np.concatenate([[0.0], np.cumsum(steps)])
        return Trace.of_energy(times, joules, self.longest_gap_s, most_w=self.most_w)

    @property
    def _name(self) -> str:
        return f"meter rapl, zone {self.zone}"

    def _folders(self, ask: Ask) -> list[str]:
        """The zones' folders; raises ConfigError."""
        folders = [
            folder
            for folder, files in board.entries(ask, self.root, "*:*").items()
            if {"name", "energy_uj", "max_energy_range_uj"} <= {*files}
        ]
        said = board.read(ask, {folder: f"{folder}/name" for folder in folders})
        names = {folder: said[folder].text for folder in folders}
        own = {folder: PurePosixPath(folder).name for folder in folders}
        if fit := [folder for folder in folders if own[folder] == self.zone]:
            return fit
        # The same counters are listed a second time as intel-rapl-mmio on some machines.
        once = [folder for folder in folders if not own[folder].startswith("intel-rapl-mmio")]
        fit = [
            folder
            for folder in once
            if names[folder] == self.zone
            or (self.zone == "package" and names[folder].startswith("package-"))
        ]
        if not fit:
            there = ", ".join(f"{own[folder]} ({names[folder]})" for folder in folders)
            raise ConfigError(f"{self._name}: no such zone; {self.root} has {there or 'none'}")
        return fit


def _zones(line: Reading) -> int:
    return sum(name.startswith(ENERGY) for name in line)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _counts(texts: Sequence[str]) -> list[float] | None:
    """Counter, range, counter, range, ... in microjoules; None if one of them cannot be."""
    if not all(map(_is_count, texts)):
        return None
    numbers = [float(text) for text in texts]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return numbers if all(count <= largest for count, largest in pairs) else None
