"""The farm as a job meets it: its devices, what is built for them, and the time."""

from __future__ import annotations

import platform
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from edgebnn.data.datasets import default_cache
from edgebnn.farm.connection import Host
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.neighbours import Neighbours
from edgebnn.farm.reach import reach


@dataclass(frozen=True)
class Farm:
    """Where jobs run."""

    inventory: Inventory
    binaries: Path
    """Folder with `<target>/edgebnn-train` and `<target>/edgebnn-measure`."""
    virtual: Path
    """Folder under which virtual devices have their files."""

    def neighbours(self, names: list[str], came: float) -> Neighbours:
        """A job among those of this machine.

        Args:
            names: of the devices that may do it.
            came: when it came.
        """
        keys = {name: f"{self.inventory.path.resolve()} {name}" for name in names}
        for name in names:
            if self.inventory.devices[name].virtual:
                keys[name] = str((self.virtual / name).resolve())
        return Neighbours(default_cache() / "farm" / platform.node(), keys, came)

    def reach(self, name: str) -> AbstractContextManager[Host]:
        """A connection to a device while the block runs."""
        return reach(name, self.inventory, self.virtual)

    def now(self) -> float:
        """Seconds, of a clock that only goes forward."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        time.sleep(seconds)
