"""A sensor with a driver in Linux's hwmon: INA219, INA226, INA260 and others.

The kernel's own units (Documentation/hwmon/sysfs-interface): `powerN_input` is in microwatts,
`inN_input` in millivolts, `currN_input` in milliamperes. Power is the first, else the product of the
other two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field

from edgebnn.energy import board
from edgebnn.energy.meter import Ask, BoardFolder, OnBoard, Reading, Sources
from edgebnn.energy.readings import shown, sift
from edgebnn.energy.trace import Trace
from edgebnn.errors import ConfigError

POWER, VOLTAGE, CURRENT = "power_uw", "voltage_mv", "current_ma"


class Config(OnBoard):
    """`{kind: hwmon, sensor: ina219}`"""

    kind: Literal["hwmon"]
    sensor: str = Field(pattern=r"^\S(.*\S)?$", max_length=64)
    """The driver's name (its file `name`), its label, or its place on the bus, as `1-0040`."""
    channel: int = Field(default=1, strict=True, ge=0, le=64)
    """N of `powerN_input`, `inN_input` and `currN_input`."""
    root: BoardFolder = "/sys/class/hwmon"
    """Where the board's sensors are."""

    def sources(self, ask: Ask) -> Sources:
        """The sensor's files; see OnBoard."""
        folder, found = self._folder(ask)
        power = {POWER: f"power{self.channel}_input"}
        product = {
            VOLTAGE: f"in{self.channel}_input",
            CURRENT: f"curr{self.channel}_input",
        }
        wanted = next((files for files in (power, product) if {*files.values()} <= {*found}), None)
        if wanted is None:
            inputs = [name for name in found if re.fullmatch(r"(power|in|curr)\d+_input", name)]
            raise ConfigError(
                f"{self._name}: channel: {folder} has neither {power[POWER]} nor both "
                f"{product[VOLTAGE]} and {product[CURRENT]}; it has {', '.join(inputs) or 'no input'}"
            )
        files = {name: f"{folder}/{file}" for name, file in wanted.items()}
        said = board.read(ask, files)
        for name, path in files.items():
            if not said[name].read:
                raise ConfigError(f"{self._name}: {path} cannot be read: {said[name].text}")
        if self._watts([said[name].text for name in files]) is None:
            texts = ", ".join(f"{files[name]} says {shown(said[name].text)}" for name in files)
            raise ConfigError(f"{self._name}: {texts}; wanted is {self._wanted}")
        return Sources(self.interval_s, files=files)

    def trace(self, readings: Iterable[Reading]) -> Trace:
        """Power as straight lines from reading to reading; see OnBoard."""
        lines = list(readings)
        names = (POWER,) if any(POWER in line for line in lines) else (VOLTAGE, CURRENT)
        times, watts = sift(lines, names, self._watts, self._name, self._wanted)
        return Trace.of_powers(times, watts, self.longest_gap_s)

    @property
    def _name(self) -> str:
        return f"meter hwmon, sensor {self.sensor}"

    @property
    def _wanted(self) -> str:
        return (
            f"power from 0 to {self.most_w:g} W (key most_w), in whole microwatts, "
            f"or whole millivolts and milliamperes"
        )

    def _watts(self, texts: Sequence[str]) -> float | None:
        if not all(re.fullmatch(r"-?[0-9]{1,18}", text) for text in texts):
            return None
        numbers = [int(text) for text in texts]
        product = numbers[0] if len(numbers) == 1 else numbers[0] * numbers[1]
        return product / 1e6 if 0 <= product / 1e6 <= self.most_w else None

    def _folder(self, ask: Ask) -> tuple[str, tuple[str, ...]]:
        """The sensor's folder, with the names of the files in it; raises ConfigError."""
        folders = board.entries(ask, self.root, "hwmon*")
        links = [f"{folder}/device" for folder, files in folders.items() if "device" in files]
        places = board.target(ask, links)
        files_of_names = [
            f"{folder}/{file}"
            for folder, files in folders.items()
            for file in ("name", "label")
            if file in files
        ]
        said = board.read(ask, {path: path for path in files_of_names})
        known = {folder: list(filter(None, [places.get(f"{folder}/device")])) for folder in folders}
        for path, answer in said.items():
            if answer.read:
                known[path.rpartition("/")[0]].insert(0, answer.text)
        fit = [folder for folder, names in known.items() if self.sensor in names]
        if len(fit) == 1:
            return fit[0], folders[fit[0]]
        there = "; ".join(
            f"{PurePosixPath(folder).name}: {', '.join(names)}" for folder, names in known.items()
        )
        what = (
            f"{len(fit)} sensors are called so: name one by its place" if fit else "no such sensor"
        )
        raise ConfigError(f"{self._name}: {what}; {self.root} has {there or 'none'}")
