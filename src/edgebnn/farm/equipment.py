"""What a device has beside its processor: SFTP, which nothing here needs, and a meter, asked for its watts."""

from __future__ import annotations

import time

from edgebnn.energy import board
from edgebnn.energy.meter import Assumed, Beside, MeterConfig, OnBoard, Reading, Sources
from edgebnn.energy.trace import Trace
from edgebnn.errors import EdgebnnError
from edgebnn.farm.check import Finding
from edgebnn.farm.connection import Host
from edgebnn.farm.inventory import Device

_READINGS = 3
_APART_S = 1.0


def equipment(host: Host, device: Device) -> list[Finding]:
    """Looks at it; call it under the lease, for a meter is read.

    Raises:
        InfrastructureError: the connection dropped.
    """
    if device.virtual:
        return [metered(host, device.meter)]
    has_sftp = Finding("ok", "SFTP" if host.has_sftp() else "no SFTP; none is needed")
    return [has_sftp, metered(host, device.meter)]


def metered(host: Host, meter: MeterConfig | None) -> Finding:
    """The power that a meter gives now, over a few seconds, or why it gives none."""
    if meter is None:
        return Finding("ok", "no meter")
    try:
        trace = _trace(host, meter)
    except EdgebnnError as error:
        return Finding("warning", str(error))
    begin, end = trace.covered.T
    if not begin.size:
        return Finding("warning", f"meter {meter.kind}: too few readings for watts")
    watts = trace.joules(begin, end).sum() / (end - begin).sum()
    how = " by declaration" if trace.source == "estimated" else ""
    return Finding("ok", f"meter {meter.kind} gives {watts:.2f} W{how}")


def _trace(host: Host, meter: MeterConfig) -> Trace:
    if isinstance(meter, Assumed):
        return meter.trace(0.0, 1.0)
    if isinstance(meter, Beside):
        with meter.start() as running:
            time.sleep(_APART_S)
            return running.stop()
    assert isinstance(meter, OnBoard)
    sources = meter.sources(lambda script: host.run(["sh", "-c", script]).stdout)
    readings = []
    for number in range(_READINGS):
        time.sleep(_APART_S if number else 0)
        readings.append(_reading(host, sources))
    return meter.model_copy(update={"interval_s": _APART_S}).trace(readings)


def _reading(host: Host, sources: Sources) -> Reading:
    """One, by our clock."""
    begin_s = time.monotonic()
    said = board.read(lambda script: host.run(["sh", "-c", script]).stdout, sources.files)
    texts = {name: answer.text for name, answer in said.items() if answer.read}
    texts |= {name: host.run([*words]).stdout for name, words in sources.commands.items()}
    return {"time_s": (begin_s + time.monotonic()) / 2, **texts}
