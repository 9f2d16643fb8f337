"""A board's power sensor in a folder, whose watts are a known function of the monotonic clock.

`python known_power.py FILE`: keeps `power1_input` as the kernel would, in microwatts, until its input ends.
"""

from __future__ import annotations

import math
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import numpy as np
from numpy.typing import NDArray

MEAN_W, SWING_W, PERIOD_S = 5.0, 2.0, 0.7
EVERY_S = 0.001


def watts(second: float) -> float:
    return MEAN_W + SWING_W * math.sin(2 * math.pi * second / PERIOD_S)


def joules(begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral of `watts` over each span."""
    turn = 2 * math.pi / PERIOD_S
    return MEAN_W * (end - begin) + SWING_W / turn * (np.cos(turn * begin) - np.cos(turn * end))


@contextmanager
def known_power(root: Path) -> Iterator[Path]:
    """A folder like /sys/class/hwmon with an INA219 of this power, while the block runs."""
    folder = root / "hwmon0"
    folder.mkdir(parents=True)
    (folder / "name").write_text("ina219\n")
    power = folder / "power1_input"
    power.write_text(f"{round(watts(time.monotonic()) * 1e6):09d}\n")
    with Popen([sys.executable, __file__, str(power)], stdin=PIPE) as sensor:
        assert sensor.stdin is not None
        try:
            yield root
        finally:
            sensor.stdin.close()
    assert sensor.returncode == 0


def _keep(power: Path) -> None:
    file = os.open(power, os.O_WRONLY)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        os.pwrite(file, b"%09d\n" % round(watts(time.monotonic()) * 1e6), 0)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
