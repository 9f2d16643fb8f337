"""A job under `edgebnn-measure`, with the device's meter: how it is started, and the power that was seen.

A meter of the board is read by edgebnn-measure itself; a plug is asked from here meanwhile, and its trace
moved to the board's clock, whose distance is asked before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from edgebnn.energy.meter import Assumed, Beside, Measured, OnBoard, Reading, Running, Sources
from edgebnn.energy.trace import Trace
from edgebnn.errors import EdgebnnError, InfrastructureError
from edgebnn.farm import throttling
from edgebnn.farm.attempt import Picked
from edgebnn.farm.clock import Offset, clock_offset
from edgebnn.farm.conditions import Conditions, conditions

MEASURED, SAMPLES = "measure.json", "samples.jsonl"
_WITHOUT_METER_S = 1.0
"""Between two samples of memory and conditions."""


@dataclass
class Metering:
    """Of one job on one device, from `begin` or `resumed`."""

    picked: Picked
    program: list[str]
    """edgebnn-measure, as it is started from HOME."""
    sources: Sources
    running: Running | None
    throttling_before: str
    throttling_after: str = throttling.VIRTUAL
    offsets: list[Offset] = field(default_factory=list)
    _beside: Trace | EdgebnnError | None = None

    @property
    def options(self) -> list[str]:
        """Of edgebnn-measure, before the `--` and the command."""
        device = self.picked.device
        words = ["--output", MEASURED, "--samples", SAMPLES]
        words += ["--interval", f"{self.sources.interval_s:g}"]
        words += [*device.memory_limit, *device.time_limit]
        if isinstance(device.meter, Measured) and device.meter.idle_s:
            words += ["--idle", f"{device.meter.idle_s:g}"]
        for name, path in self.sources.files.items():
            words += ["--read", f"{name}={path}"]
        for name, command in self.sources.commands.items():
            words += ["--ask", f"{name}={' '.join(command)}"]
        return words

    def stop(self) -> None:
        """The job has ended: reads no more.

        Raises:
            InfrastructureError: the connection dropped.
        """
        if not self.picked.device.virtual:
            self.throttling_after = throttling.ask(self.picked.host)
        if self.running is None:
            return
        self.offsets.append(clock_offset(self.picked.host, [*self.program, "--clock"]))
        try:
            self._beside = self.running.stop()
        except EdgebnnError as error:  # told by `trace`: the training is not lost for it
            self._beside = error

    def trace(self, readings: Sequence[Reading], begin_s: float, end_s: float) -> Trace:
        """Power by the board's clock, of a device that has a meter.

        Args:
            readings: lines of samples.jsonl.
            begin_s: when training began, and `end_s` when it ended.

        Raises:
            InfrastructureError: the readings failed.
        """
        meter = self.picked.device.meter
        if isinstance(meter, Assumed):
            return meter.trace(begin_s, end_s)
        if isinstance(meter, OnBoard):
            return meter.trace(readings)
        if isinstance(self._beside, EdgebnnError):
            raise self._beside
        if self._beside is None:
            raise InfrastructureError(f"device {self.picked.name}: no meter was read")
        return self._beside.shifted(self.offset_s)

    def parts(
        self, readings: Sequence[Reading], begin_s: float, end_s: float
    ) -> list[dict[str, str | float]]:
        """Mean watts of the parts of power (rails) between two times, a row each; none if it has none."""
        meter = self.picked.device.meter
        if not isinstance(meter, OnBoard):
            return []
        inside = [line for line in readings if begin_s <= float(str(line["time_s"])) <= end_s]
        return [{"rail": name, "watts": watts} for name, watts in meter.parts(inside).items()]

    @property
    def offset_s(self) -> float:
        """What the board's clock shows more than ours, midway through the job."""
        return sum(offset.seconds for offset in self.offsets) / len(self.offsets)

    @property
    def offset_within_s(self) -> float:
        """How sure that is: the questions' way, and by how much the clocks moved apart."""
        seconds = [offset.seconds for offset in self.offsets]
        drift = (max(seconds) - min(seconds)) / 2
        return drift + max(offset.within_s for offset in self.offsets)

    def conditions(self, readings: Sequence[Reading], start_s: float) -> Conditions:
        """What the device was like during the job."""
        return conditions(readings, start_s, self.throttling_before, self.throttling_after)


def begin(picked: Picked, folder: str, measure: str, plugs: ExitStack) -> Metering:
    """The device's meter, ready to read what starts now.

    Args:
        folder: the job's, where edgebnn-measure is.
        measure: its name there.
        plugs: ends the reading at the latest.

    Raises:
        ConfigError: the meter is not there, or is another.
        InfrastructureError: it does not answer, or the connection dropped.
    """
    host, device = picked.host, picked.device
    before = throttling.VIRTUAL if device.virtual else throttling.ask(host)
    meter = resumed(picked, folder, measure, before)
    if isinstance(device.meter, OnBoard):
        meter.sources = device.meter.sources(lambda script: host.run(["sh", "-c", script]).stdout)
    if isinstance(device.meter, Beside):
        meter.offsets = [clock_offset(host, [*meter.program, "--clock"])]
        meter.running = plugs.enter_context(device.meter.start())
    return meter


def resumed(picked: Picked, folder: str, measure: str, before: str) -> Metering:
    """The meter of a job that was begun by another process: what it asked from here is not known.

    Args:
        before: what the firmware answered when the job began (throttling.ask).
    """
    program = [*picked.device.emulator, f"{folder}/{measure}"]
    return Metering(picked, program, Sources(_WITHOUT_METER_S), None, before)


def of(known: Metering | None, picked: Picked, folder: str, measure: str, before: str) -> Metering:
    """The meter of a job that has ended: `known`, if this process began it there, else as `resumed`."""
    if known is None or known.picked.name != picked.name:
        return resumed(picked, folder, measure, before)
    known.picked = picked
    return known
