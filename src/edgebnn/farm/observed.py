"""What was seen of a job from outside: memory, energy, and what the device was like, as its record has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import InfrastructureError
from edgebnn.farm.joules import Joules, absent, joules, read_stamps
from edgebnn.farm.metering import MEASURED, SAMPLES, Metering
from edgebnn.farm.result import Measured, read_measured
from edgebnn.farm.samples import read_samples
from edgebnn.record import Metric

STAMPS = "stamps.txt"


@dataclass(frozen=True)
class Observed:
    """Of one job."""

    measured: Measured
    metrics: dict[str, Metric]
    """All but the peak memory, which is the caller's to choose."""
    series: dict[str, list[tuple[float, float]]]
    tables: dict[str, list[dict[str, str | float]]]
    notes: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    """Artifact -> its file's name, and its bytes."""


def observe(meter: Metering, fetched: Path) -> Observed:
    """Reads what came back from the device; a meter that failed costs the energy alone, and that is said.

    Args:
        meter: of the job, stopped.
        fetched: folder with measure.json, samples.jsonl and, if the job trained, stamps.txt.

    Raises:
        InfrastructureError: a file is not whole.
    """
    measured = read_measured(fetched / MEASURED)
    readings = read_samples(fetched / SAMPLES)
    like = meter.conditions(readings, measured.start_s)
    power = Joules()
    rails: list[dict[str, str | float]] = []
    if (fetched / STAMPS).exists() and (config := meter.picked.device.meter):
        try:
            begin, end = read_stamps(fetched / STAMPS)
            if not begin.size:
                raise InfrastructureError("the job resumed behind its last batch")
            trace = meter.trace(readings, begin[0], end[-1])
            power = joules(config, trace, begin, end, measured.start_s)
            rails = meter.parts(readings, begin[0], end[-1])
        except InfrastructureError as error:
            power = absent(str(error))
    numbers = dict(like.metrics)
    if measured.peak_tree_pss_bytes:
        numbers["peak_tree_pss_mib"] = measured.peak_tree_pss_bytes / 2**20
    if meter.offsets:
        numbers |= {
            "clock_offset_s": meter.offset_s,
            "clock_offset_within_s": meter.offset_within_s,
        }
    kept = {"measure": MEASURED, "samples": SAMPLES, "stamps": STAMPS}
    return Observed(
        measured,
        {name: Metric(value=value, source="measured") for name, value in numbers.items()}
        | {name: Metric(value=value, source=power.source) for name, value in power.metrics.items()},
        like.series | power.series,
        power.tables | ({"rails": rails} if rails else {}),
        like.notes | power.notes,
        power.files
        | {
            name: (file, (fetched / file).read_bytes())
            for name, file in kept.items()
            if (fetched / file).exists()
        },
    )
