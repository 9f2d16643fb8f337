"""What a board was like, from the samples of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.energy.meter import Reading
from edgebnn.farm.conditions import conditions
from edgebnn.farm.samples import MOST_POINTS, read_samples, thinned
from edgebnn.farm.throttling import NO_PROGRAM


def lines(*flags: int | None) -> list[Reading]:
    """A sample a second from 10 s on, with these flags of the firmware."""
    found: list[Reading] = []
    for second, bits in enumerate(flags):
        told = {} if bits is None else {"throttled_flags": bits}
        found.append({"time_s": 10.0 + second, **told})
    return found


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((0, 0, 0, 0), "none"),
        ((0x50000, 0x50000), "none"),  # it was, before the job
        ((0, 0x50005, 0x50005, 0x50000), "undervoltage, throttled, in 50% of 4 samples"),
        ((0x10000, 0x90000), "soft temperature limit, between two samples"),
        ((None, 0x20002, None), "clock capped, in 100% of 1 samples"),
    ],
)
def test_throttling_by_the_samples(flags: tuple[int | None, ...], said: str) -> None:
    assert conditions(lines(*flags), 10.0, NO_PROGRAM, NO_PROGRAM).notes == {"throttling": said}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("throttled=0x0", "throttled=0x0", "none"),
        ("throttled=0x0", "throttled=0x50000", "undervoltage, throttled, between two samples"),
        ("throttled=0x0", "throttled=0x4", "throttled, in 50% of 2 samples"),
        (NO_PROGRAM, NO_PROGRAM, "unknown: there is no vcgencmd"),
        ("VCHI initialization failed", "VCHI initialization failed",
         "unknown: vcgencmd says 'VCHI initialization failed'; may the account ask the firmware? "
         "(sudo usermod -aG video <account>)"),
        ("throttled=0x0", "nothing",
         "unknown: vcgencmd says 'nothing'; may the account ask the firmware? "
         "(sudo usermod -aG video <account>)"),
    ],
)  # fmt: skip
def test_throttling_by_the_firmwares_answers(before: str, after: str, said: str) -> None:
    assert conditions(lines(None, None), 10.0, before, after).notes == {"throttling": said}


def test_temperature_clock_and_memory() -> None:
    readings: list[Reading] = [
        {"time_s": 8.0, "temperature_c": 40.5, "clock_mhz": 600},
        {"time_s": 10.0, "clock_mhz": 1400, "rss_bytes": 1 << 20},
        {"time_s": 12.0, "temperature_c": 61.25, "clock_mhz": 1200, "rss_bytes": 3 << 20},
    ]
    found = conditions(readings, 10.0, NO_PROGRAM, NO_PROGRAM)
    assert found.metrics == {
        "temperature_max_c": 61.25,
        "clock_min_mhz": 1200,  # while it worked
        "clock_max_mhz": 1400,
    }
    assert found.series == {
        "system/temperature_c": [(-2, 40.5), (2, 61.25)],
        "system/clock_mhz": [(-2, 600), (0, 1400), (2, 1200)],
        "system/memory_mib": [(0, 1), (2, 3)],
    }


def test_what_is_not_told_is_absent() -> None:
    found = conditions(lines(None), 10.0, NO_PROGRAM, NO_PROGRAM)
    assert found.metrics == found.series == {}


def test_samples_are_the_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(
        b'{"time_s": 1.5, "power_uw": "7\xff"}\nno\n[1]\n{"power_uw": "2"}\n{"time_s": 2}\n{"time'
    )
    assert [line["time_s"] for line in read_samples(path)] == [1.5, 2]


@pytest.mark.parametrize("count", [0, 1, 2, MOST_POINTS, MOST_POINTS + 1, 12345])
def test_a_thinned_series_keeps_its_ends(count: int) -> None:
    points = [(float(n), float(n)) for n in range(count)]
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS
    assert kept == sorted(set(kept))
    assert (kept[:1], kept[-1:]) == (points[:1], points[-1:])
    assert count > MOST_POINTS or kept == points
