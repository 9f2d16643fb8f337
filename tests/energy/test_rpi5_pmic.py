"""The Pi 5's power chip, from what `vcgencmd pmic_read_adc` prints there with four busy cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgebnn.energy.rpi5_pmic import TEXT, Config, rails
from edgebnn.errors import ConfigError, InfrastructureError
from tests.energy.sysfs import ask

PRINTED = """\
   3V7_WL_SW_A current(0)=0.05855580A
     3V3_SYS_A current(1)=0.06148359A
     1V8_SYS_A current(2)=0.13272650A
    DDR_VDD2_A current(3)=0.13955800A
    DDR_VDDQ_A current(4)=0.00980400A
     1V1_SYS_A current(5)=0.19811380A
      0V8_SW_A current(6)=0.34157550A
    VDD_CORE_A current(7)=5.03652000A
     3V3_DAC_A current(17)=0.00006105A
     3V3_ADC_A current(18)=0.00054945A
     0V8_AON_A current(16)=0.00531135A
        HDMI_A current(22)=0.02161170A
   3V7_WL_SW_V volt(8)=3.61069200V
     3V3_SYS_V volt(9)=3.29982600V
     1V8_SYS_V volt(10)=1.81684800V
    DDR_VDD2_V volt(11)=1.10109800V
    DDR_VDDQ_V volt(12)=0.60366240V
     1V1_SYS_V volt(13)=1.10292900V
      0V8_SW_V volt(14)=0.80292960V
    VDD_CORE_V volt(15)=0.89369880V
     3V3_DAC_V volt(20)=3.29944700V
     3V3_ADC_V volt(21)=3.30402600V
     0V8_AON_V volt(19)=0.79618980V
        HDMI_V volt(23)=4.92450000V
       EXT5V_V volt(24)=4.92450000V
        BATT_V volt(25)=0.00341880V
"""
WATTS = (
    0.05855580 * 3.61069200 + 0.06148359 * 3.29982600 + 0.13272650 * 1.81684800
    + 0.13955800 * 1.10109800 + 0.00980400 * 0.60366240 + 0.19811380 * 1.10292900
    + 0.34157550 * 0.80292960 + 5.03652000 * 0.89369880 + 0.00006105 * 3.29944700
    + 0.00054945 * 3.30402600 + 0.00531135 * 0.79618980 + 0.02161170 * 4.92450000
)  # fmt: skip
"""About 5.9 W: of the 14 rails the two without a current (EXT5V, BATT) are no power."""

METER = Config(kind="rpi5-pmic")


def lines(*texts: str) -> list[dict[str, object]]:
    return [{"time_s": 7 + n / 10, TEXT: text.strip()} for n, text in enumerate(texts)]


def pi5(folder: Path, printed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `vcgencmd` on the PATH that prints this."""
    program = folder / "vcgencmd"
    (folder / "printed").write_text(printed)
    program.write_text(f'#!/bin/sh\ntest "$*" = pmic_read_adc && cat {folder}/printed\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_power_is_the_sum_over_the_rails_that_have_both() -> None:
    assert len(rails(PRINTED)) == 12
    assert rails(PRINTED)["VDD_CORE"] == pytest.approx(4.5011, rel=1e-4)
    trace = METER.trace(lines(PRINTED, PRINTED))
    assert trace.joules(7, 7.1) == pytest.approx([WATTS / 10], rel=1e-9)
    assert trace.source == "measured"
    assert 5.8 < WATTS < 6.0


def test_rails_one_by_one() -> None:
    half = PRINTED.replace("current(7)=5.03652000A", "current(7)=2.51826000A")
    found = METER.parts([*lines(PRINTED, half), {"time_s": 8.0, "temperature_c": 40}])
    assert found["VDD_CORE"] == pytest.approx(0.75 * rails(PRINTED)["VDD_CORE"])
    assert found["HDMI"] == pytest.approx(rails(PRINTED)["HDMI"])
    assert len(found) == 12


def test_the_board_is_asked_once_before_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pi5(tmp_path, PRINTED, monkeypatch)
    sources = Config(kind="rpi5-pmic", interval_s=0.2).sources(ask)
    assert sources.commands == {TEXT: ("vcgencmd", "pmic_read_adc")}
    assert (sources.files, sources.interval_s) == ({}, 0.2)


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("Command not registered\n", "says 'Command not registered'"),  # a Pi 4
        ("Can't open device file: /dev/vcio\nTry creating a device file", "Can't open device file"),
        ("EXT5V_V volt(24)=4.92450000V\n", "EXT5V_V"),
        ("", "says ''"),
    ],
)
def test_a_board_that_has_none_is_told_with_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, found: str
) -> None:
    pi5(tmp_path, printed, monkeypatch)
    with pytest.raises(ConfigError) as caught:
        METER.sources(ask)
    assert found in str(caught.value)
    assert "a Raspberry Pi 5, and an account of the group video" in str(caught.value)


def test_a_board_without_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="not found"):
        METER.sources(ask)


@pytest.mark.parametrize(
    "broken",
    [
        PRINTED[:600],
        PRINTED[:-130],  # cut within the last rail that counts
        PRINTED.replace("5.03652000A", "nanA"),
        PRINTED.replace("0.89369880V", "-nanV"),
        PRINTED.replace("0.89369880V", "0.89"),
        PRINTED.replace("VDD_CORE_V volt(15)=0.89369880V", ""),
        PRINTED.replace("5.03652000A", "5036.52000A"),  # milliamperes
        "",
        'error=1 error_msg="Command not registered"',
    ],
)
def test_a_reading_that_lacks_a_rail_is_a_gap(broken: str) -> None:
    texts = [PRINTED] * 16
    texts[7:13] = [broken] * 6
    trace = METER.trace(lines(*texts))
    assert trace.covered.round(9).tolist() == [[7, 7.6], [8.3, 8.5]]
    assert trace.joules(8.3, 8.5) == pytest.approx([WATTS / 5])


def test_even_if_it_is_the_first() -> None:
    trace = METER.trace(lines(PRINTED[:600], PRINTED, PRINTED))
    assert trace.covered.round(9).tolist() == [[7.1, 7.2]]


def test_a_rail_more_is_counted_where_it_is() -> None:
    more = PRINTED + "    USB_A current(30)=0.50000000A\n    USB_V volt(31)=5.00000000V\n"
    trace = METER.trace(lines(PRINTED, PRINTED, more))
    assert trace.joules(7.1, 7.2) == pytest.approx([(WATTS + 1.25) / 10])


def test_other_lines_are_passed_over_and_none_at_all_is_an_error() -> None:
    with pytest.raises(InfrastructureError, match="nothing could be read"):
        METER.trace([{"time_s": 1.0, "temperature_c": "51.0"}])
    with pytest.raises(InfrastructureError, match=r"3 of 3 readings failed: 'throttled=0x0'"):
        METER.trace(lines(*["throttled=0x0"] * 3))
