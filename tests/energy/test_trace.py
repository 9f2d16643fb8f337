"""A trace's energy is the exact integral of its pieces; where it has a gap, energy is unknown."""

from __future__ import annotations

import numpy as np
import pytest

from edgebnn.energy.trace import Trace


def test_powers_are_integrated_by_the_trapezoid_rule() -> None:
    trace = Trace.of_powers([10.0, 12.0, 13.0], [2.0, 4.0, 4.0], longest_gap_s=5)
    assert trace.joules(10.0, 13.0) == [2 * 3.0 + 1 * 4.0]
    # Between the readings, too: at 11 s the line is at 3 W.
    np.testing.assert_allclose(trace.joules([10, 11, 11.5], [11, 12, 12.5]), [2.5, 3.5, 3.875])
    assert trace.joules(11.0, 11.0) == [0.0]


def test_spans_may_come_in_any_order() -> None:
    trace = Trace.of_powers([0, 1, 2, 3], [1, 2, 4, 8], longest_gap_s=1)
    begins, ends = [2.0, 0.0, 1.0], [3.0, 1.0, 2.0]
    np.testing.assert_allclose(trace.joules(begins, ends), [6.0, 1.5, 3.0])


def test_a_counter_gives_constant_power_between_its_readings() -> None:
    trace = Trace.of_energy([0, 1, 3], [100, 102, 110], longest_gap_s=5)
    np.testing.assert_allclose(trace.joules([0, 0.5, 0], [1, 2, 3]), [2.0, 1.0 + 4.0, 10.0])


def test_a_counter_that_goes_down_is_refused() -> None:
    with pytest.raises(ValueError, match="goes down"):
        Trace.of_energy([0, 1, 2], [5, 7, 6], longest_gap_s=5)


@pytest.mark.parametrize(
    ("begin", "end"),
    [(-0.5, 0.5), (1.5, 2.5), (1.0, 4.0), (2.5, 3.5), (2.2, 2.8), (4.5, 5.5), (6, 7), (-2, -1)],
)
def test_what_is_not_wholly_covered_is_unknown(begin: float, end: float) -> None:
    trace = Trace.of_powers([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1], longest_gap_s=1.5)
    holed = Trace.of_powers([0, 1, 2, 4, 5], [1, 1, 1, 1, 1], longest_gap_s=1.5)
    assert trace.covered.tolist() == [[0, 5]]
    assert holed.covered.tolist() == [[0, 2], [4, 5]]
    assert np.isnan(holed.joules(begin, end)).all()


def test_what_touches_a_gap_from_within_is_known() -> None:
    holed = Trace.of_powers([0, 1, 2, 4, 5], [1, 1, 3, 5, 5], longest_gap_s=1.5)
    assert holed.joules([0, 1, 4], [2, 2, 5]).tolist() == [3.0, 2.0, 5.0]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_readings_cover_nothing(count: int) -> None:
    trace = Trace.of_powers(np.arange(count), np.ones(count), longest_gap_s=1)
    assert trace.covered.shape == (0, 2)
    assert np.isnan(trace.joules([0.0, 1.0], [0.5, 1.5])).all()
    assert np.isnan(trace.period_s)
    assert trace.idle_w(0, 10) is None
    assert trace.halved().covered.shape == (0, 2)


@pytest.mark.parametrize(
    ("time", "watts"),
    [
        ([0, 0], [1, 1]),
        ([1, 0], [1, 1]),
        ([0, 1], [1]),
        ([0, 1], [1, np.nan]),
        ([0, np.inf], [1, 1]),
    ],
)
def test_readings_out_of_order_or_not_finite_are_refused(
    time: list[float], watts: list[float]
) -> None:
    with pytest.raises(ValueError, match=r"do not grow|need as many|not finite"):
        Trace.of_powers(time, watts, longest_gap_s=1)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    trace = Trace.of_powers([0, 1], [1, 1], longest_gap_s=1)
    with pytest.raises(ValueError, match="none before its begin"):
        trace.joules(0.6, 0.5)


def test_idle_power_is_the_median_of_a_window() -> None:
    power = [
        2.0,
        2.0,
        2.0,
        2.0,
        9.0,
        2.0,
        2.0,
        2.0,
        5.0,
        5.0,
    ]  # something stirs at 4 s; load from 8 s
    trace = Trace.of_powers(np.arange(10), power, longest_gap_s=1)
    assert trace.idle_w(0, 7.5) == 2.0
    assert trace.idle_w(0, 3) == 2.0
    assert trace.idle_w(0, 2.9) is None
    assert trace.idle_w(-5, 0) is None


def test_another_clock_shifts_time_and_nothing_else() -> None:
    trace = Trace.of_powers([0, 1, 2], [1, 3, 5], longest_gap_s=1).shifted(100.25)
    assert trace.covered.tolist() == [[100.25, 102.25]]
    assert trace.joules(100.25, 102.25) == [6.0]


def test_every_second_reading_stands_for_both() -> None:
    lines = Trace.of_powers(
        [0, 1, 2, 3, 10, 11, 12], [0, 1, 4, 9, 1, 9, 3], longest_gap_s=1
    ).halved()
    assert lines.covered.tolist() == [[0, 2], [10, 12]]
    assert lines.joules([0, 10], [2, 12]).tolist() == [4.0, 4.0]
    counted = Trace.of_energy([0, 1, 2], [0, 1, 5], longest_gap_s=1).halved()
    assert counted.joules([0, 0], [2, 1]).tolist() == [5.0, 2.5]


def test_a_trace_of_odd_pieces_is_refused() -> None:
    one, two = np.array([1.0]), np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="need one"):
        Trace(one, two, two, two)
    with pytest.raises(ValueError, match="do not grow"):
        Trace(two, two + 1.5, two, two)
    with pytest.raises(ValueError, match="not finite"):
        Trace(two, two + 1, two, two * np.nan)
