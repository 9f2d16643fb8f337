"""The RAPL meter, against powercap's folders as a machine of two packages has them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from edgebnn.energy.rapl import Config
from edgebnn.errors import ConfigError, InfrastructureError
from tests.energy.sysfs import ask, ask_as_nobody, sampled, write

RANGE = 262_143_328_850
"""Microjoules after which a counter begins again."""


def zone(name: str, energy_uj: object = 1000) -> dict[str, object]:
    return {"name": name, "energy_uj": energy_uj, "max_energy_range_uj": RANGE}


def config(root: Path, **keys: object) -> Config:
    return Config.model_validate({"kind": "rapl", "root": str(root), **keys})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "intel-rapl", {"enabled": 1})
    for folder, name in (
        ("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "core"), ("intel-rapl:1", "package-1"),
        ("intel-rapl:2", "psys"), ("intel-rapl-mmio:0", "package-0"),
    ):  # fmt: skip
        write(tmp_path / folder, zone(name))
    return tmp_path


def counted(*rows: tuple[float, int], largest: int = RANGE) -> list[dict[str, object]]:
    """Lines of one zone: time and counter."""
    return [
        {"time_s": time, "energy_uj_0": str(count), "energy_range_uj_0": str(largest)}
        for time, count in rows
    ]


def test_the_packages_are_summed_and_none_is_counted_twice(root: Path) -> None:
    meter = config(root, interval_s=1)
    sources = meter.sources(ask)
    folders = {Path(path).parent.name for path in sources.files.values()}
    assert folders == {"intel-rapl:0", "intel-rapl:1"}
    lines = sampled(sources, [5.0])
    write(root / "intel-rapl:0", {"energy_uj": 1000 + 6_000_000})
    write(root / "intel-rapl:1", {"energy_uj": 1000 + 4_000_000})
    lines += sampled(sources, [7.0])
    trace = meter.trace(lines)
    assert trace.joules([5, 5], [7, 6]).tolist() == [10.0, 5.0]


@pytest.mark.parametrize(
    ("asked", "folder"),
    [("core", "intel-rapl:0:0"), ("psys", "intel-rapl:2"), ("intel-rapl-mmio:0", "intel-rapl-mmio:0"),
     ("package-1", "intel-rapl:1")],
)  # fmt: skip
def test_a_zone_is_named_by_its_folder_or_its_name(root: Path, asked: str, folder: str) -> None:
    files = config(root, zone=asked).sources(ask).files
    assert {Path(path).parent.name for path in files.values()} == {folder}


def test_a_zone_that_is_not_there_is_told_with_those_that_are(root: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"zone dram: no such zone; .* has .*intel-rapl:0 \(package-0\)"
    ):
        config(root, zone="dram").sources(ask)
    with pytest.raises(ConfigError, match=r"has none$"):
        config(root / "nothing").sources(ask)


def test_a_counter_that_begins_again_wraps_around() -> None:
    lines = counted((0, RANGE - 1_000_000), (1, 1_000_000), (2, 4_000_000))
    trace = config(Path("/sys")).trace(lines)
    assert trace.covered.tolist() == []  # readings a second apart at 10 Hz: gaps
    trace = config(Path("/sys"), interval_s=1).trace(lines)
    assert trace.joules([0, 1], [1, 2]) == pytest.approx([2.0, 3.0])


def test_a_counter_that_was_set_back_is_a_gap() -> None:
    """Asleep between 1 s and 2 s: as a wrap-around it would be 262 kW."""
    lines = counted((0, 5_000_000), (1, 8_000_000), (2, 10), (3, 2_000_010))
    trace = config(Path("/sys"), interval_s=1).trace(lines)
    assert trace.covered.tolist() == [[0, 1], [2, 3]]
    assert trace.joules([0, 2], [1, 3]) == pytest.approx([3.0, 2.0])


def test_a_counter_that_stands_still_is_an_error() -> None:
    with pytest.raises(
        InfrastructureError, match=r"stands still at 0 uJ over 4 readings; a virtual"
    ):
        config(Path("/sys")).trace(counted(*((n / 10, 0) for n in range(4))))


@pytest.mark.parametrize("text", ["", "12.5", "-4", "nan", str(RANGE + 1)])
def test_nonsense_is_a_gap_and_too_much_of_it_an_error(text: str) -> None:
    lines = counted(*((n / 10, 100_000 * n) for n in range(30)))
    lines[4]["energy_uj_0"] = text
    trace = config(Path("/sys")).trace(lines)
    assert trace.joules(0, 2.9) == pytest.approx([2.9])  # the counter went on meanwhile
    for line in lines[:16]:
        line["energy_uj_0"] = text
    with pytest.raises(InfrastructureError, match="16 of 30 readings failed"):
        config(Path("/sys")).trace(lines)


def test_a_reading_without_one_of_the_zones_is_none(root: Path) -> None:
    meter = config(root, interval_s=1)
    sources = meter.sources(ask)
    lines = []
    for second in range(4):
        for package in (0, 1):
            write(root / f"intel-rapl:{package}", {"energy_uj": 3_000_000 * second})
        lines += sampled(sources, [float(second)])
    del lines[1]["energy_uj_1"]
    trace = meter.trace(lines)
    assert trace.begin_s.tolist() == [0, 2]
    assert trace.joules(0, 3) == pytest.approx([18.0])


def test_no_reading_is_an_error() -> None:
    with pytest.raises(InfrastructureError, match="nothing could be read"):
        config(Path("/sys")).trace([{"time_s": 1.0, "temperature_c": "50"}])


def test_a_counter_for_root_alone_is_told_with_what_to_do() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        zone_folder = write(Path(folder) / "intel-rapl:0", zone("package-0"))
        (zone_folder / "energy_uj").chmod(0)
        with pytest.raises(
            ConfigError,
            match=r"energy_uj: Permission denied\. Linux lets only root.*sudo chmod a\+r",
        ):
            config(Path(folder)).sources(ask_as_nobody)


def test_a_counter_of_nonsense_is_told_before_the_job(root: Path) -> None:
    write(root / "intel-rapl:1", {"energy_uj": "none"})
    with pytest.raises(
        ConfigError, match=r"intel-rapl:1/energy_uj says 'none'; wanted is a counter"
    ):
        config(root).sources(ask)
