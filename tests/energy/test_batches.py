"""Joules a batch against power whose energy is known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgebnn.energy.batches import _T, batch_energy
from edgebnn.energy.trace import Trace
from edgebnn.errors import InfrastructureError

Curve = Callable[[np.ndarray], np.ndarray]

WITHIN = 1e-3
"""Relative, of the analytic truth."""


def readings(curve: Curve, seconds: float, hertz: float, jitter: float = 0.0) -> Trace:
    """What a meter at `hertz` sees of a curve; jitter: of the period, uniform, either way."""
    time = np.arange(0, seconds * hertz + 1) / hertz
    time += np.random.default_rng(7).uniform(-jitter, jitter, time.size) / hertz
    return Trace.of_powers(time, curve(time), longest_gap_s=3 / hertz)


def batches(first_s: float, count: int, each_s: float) -> tuple[np.ndarray, np.ndarray]:
    edges = first_s + np.arange(count + 1) * each_s
    return edges[:-1], edges[1:]


def test_constant_power() -> None:
    found = batch_energy(readings(lambda t: 0 * t + 3.5, 30, 10), *batches(5, 10, 2), idle_w=2.0)
    assert found.gross_j == pytest.approx(7.0, rel=1e-12)
    assert found.net_j == pytest.approx(3.0, rel=1e-12)
    assert found.average_w == pytest.approx(3.5, rel=1e-12)
    assert found.gross_interval_j == pytest.approx((7.0, 7.0), rel=1e-9)
    assert found.net_interval_j == pytest.approx((3.0, 3.0), rel=1e-9)
    assert (found.batches, found.left_out, found.grouped) == (10, 0, 1)
    assert found.source == "measured"


def test_a_ramp() -> None:
    """From 5 s to 25 s at 2 W + 0.1 W/s: the mean of a batch of 2 s is 2 · (2 + 0.1·15) J."""
    found = batch_energy(readings(lambda t: 2 + 0.1 * t, 30, 7, 0.4), *batches(5, 10, 2), None)
    assert found.gross_j == pytest.approx(7.0, rel=WITHIN)
    assert found.net_j is None
    assert found.net_interval_j is None
    low, high = found.gross_interval_j
    assert low < 7.0 < high


@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_a_sinus_as_long_as_a_batch_needs_57_readings_of_it(jitter: float) -> None:
    """The integral of one half of it: (3·1 + 2/π) J in each batch of 1 s."""

    def curve(t: np.ndarray) -> np.ndarray:
        return 3 + np.sin(np.pi * t)

    begins, ends = batches(4, 200, 1)
    found = batch_energy(readings(curve, 220, 57, jitter), begins[::2], ends[::2], None)
    assert found.gross_j == pytest.approx(3 + 2 / np.pi, rel=WITHIN)
    low, high = found.gross_interval_j
    assert low < 3 + 2 / np.pi < high


def square(t: np.ndarray) -> np.ndarray:
    """5 W in the first 0.3 s of each batch of 1 s, 2 W in the rest: 2.9 J."""
    return np.where((t - 2) % 1 < 0.3, 5.0, 2.0)


@pytest.mark.parametrize(("hertz", "within"), [(9.7, 5e-3), (33.0, 5e-3), (100.0, WITHIN)])
def test_a_square_wave_locked_to_the_batches(hertz: float, within: float) -> None:
    """To 0.1 % by 100 readings a batch; by ten it is half a per cent, and the interval says so."""
    trace = readings(square, 1010, hertz, 0.4)
    found = batch_energy(trace, *batches(2, 1000, 1), idle_w=1.0)
    assert found.gross_j == pytest.approx(2.9, rel=within)
    assert found.net_j == pytest.approx(found.gross_j - 1.0, rel=1e-12)
    low, high = found.gross_interval_j
    assert low < 2.9 < high


@pytest.mark.parametrize("hertz", [10.0, 9.7, 9.5, 33.0])
@pytest.mark.parametrize("phase", np.arange(8) / 8)
def test_readings_in_step_with_the_batches_widen_the_interval(hertz: float, phase: float) -> None:
    """The same error in each batch, or in each tenth or second: the spread alone is too narrow."""
    time = (np.arange(0, 1010 * hertz) + phase) / hertz
    trace = Trace.of_powers(time, square(time + 1e-9), longest_gap_s=1)
    low, high = batch_energy(trace, *batches(2, 1000, 1), idle_w=None).gross_interval_j
    assert low < 2.9 < high


def test_batches_shorter_than_the_sampling_are_grouped() -> None:
    """Batches of 7 ms under a meter of 10 Hz: 1 s holds 143 of them."""

    def curve(t: np.ndarray) -> np.ndarray:
        return 4 + 0.5 * np.sin(t)

    begins, ends = batches(1, 30_000, 0.007)
    found = batch_energy(readings(curve, 230, 10, 0.3), begins, ends, idle_w=1.5)
    truth = (4 * 210 + 0.5 * (np.cos(1) - np.cos(211))) / 30_000
    assert found.grouped == 143
    assert found.gross_j == pytest.approx(truth, rel=WITHIN)
    assert found.net_j == pytest.approx(truth - 1.5 * 0.007, rel=WITHIN)
    low, high = found.gross_interval_j
    assert low < truth < high


def test_pauses_between_epochs_are_left_out() -> None:
    """Four epochs of 10 s at 5 W, with 3 s of 2 W between them, seen at 100 Hz: 0.5 J a batch of 0.1 s."""

    def curve(t: np.ndarray) -> np.ndarray:
        return np.where((t >= 5) & ((t - 5) % 13 < 10), 5.0, 2.0)

    epochs = [batches(5 + 13 * epoch, 100, 0.1) for epoch in range(4)]
    begins, ends = (np.concatenate(times) for times in zip(*epochs, strict=True))
    found = batch_energy(readings(curve, 60, 100, 0.4), begins, ends, idle_w=2.0)
    assert found.gross_j == pytest.approx(0.5, rel=WITHIN)
    assert found.average_w == pytest.approx(5.0, rel=WITHIN)
    assert found.net_j == pytest.approx(0.3, rel=2 * WITHIN)
    low, high = found.gross_interval_j
    assert low < 0.5 < high


def test_where_power_jumps_widens_the_interval_by_the_sampling() -> None:
    """One epoch of 20 s under a slow meter: two edges, each unknown by half of 3 W · 1 s at most."""

    def curve(t: np.ndarray) -> np.ndarray:
        return np.where((t >= 5.5) & (t < 25.5), 5.0, 2.0)

    found = batch_energy(readings(curve, 30, 1), *batches(5.5, 4, 5), idle_w=None)
    low, high = found.gross_interval_j
    assert found.gross_j == pytest.approx(25 - 2 * 3 / 8 / 4)
    assert low < 25 - np.sqrt(2) * 1.5 / 4 / 2
    assert high > 25


def test_a_gap_leaves_out_the_batches_that_it_touches() -> None:
    whole = readings(lambda t: 2 + 0.1 * t, 40, 10)
    time = np.append(whole.begin_s, whole.end_s[-1])
    seen = time[(time < 12.05) | (time > 14.95)]  # in the batches from 11 s, 13 s and to 15 s
    trace = Trace.of_powers(seen, 2 + 0.1 * seen, longest_gap_s=0.5)
    found = batch_energy(trace, *batches(5, 10, 2), idle_w=None)
    centres = np.array([6, 8, 10, 16, 18, 20, 22, 24])
    assert (found.batches, found.left_out) == (8, 2)
    assert found.gross_j == pytest.approx((2 * (2 + 0.1 * centres)).mean(), rel=1e-9)


def test_readings_that_cover_no_batch_are_an_error_with_both_times() -> None:
    trace = readings(lambda t: 0 * t + 1, 4, 10)
    with pytest.raises(
        InfrastructureError,
        match=r"none of the 3 batches.*from 10\.000 s to 16\.000 s.*0\.000 s to 4\.000 s",
    ):
        batch_energy(trace, *batches(10, 3, 2), idle_w=None)
    with pytest.raises(InfrastructureError, match="no time at all"):
        batch_energy(Trace.of_powers([], [], 1), *batches(10, 3, 2), idle_w=None)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [([], []), ([0.0], [0.0]), ([0, 1], [1.5, 2]), ([0], [1, 2]), ([2, 0], [3, 1])],
)
def test_times_of_no_batches_are_refused(begins: list[float], ends: list[float]) -> None:
    with pytest.raises(ValueError, match="batches"):
        batch_energy(readings(lambda t: 0 * t + 1, 4, 10), begins, ends, idle_w=None)


def test_an_estimate_has_no_interval() -> None:
    line = Trace(*(np.array([value]) for value in (0.0, 100.0, 4.0, 4.0)), source="estimated")
    found = batch_energy(line, *batches(10, 20, 0.5), idle_w=1.0)
    assert (found.gross_j, found.net_j, found.grouped) == (2.0, 1.5, 1)
    assert found.gross_interval_j is None
    assert found.net_interval_j is None
    assert found.source == "estimated"


def test_one_figure_alone_has_no_interval() -> None:
    trace = readings(lambda t: 0 * t + 3, 30, 1)
    found = batch_energy(trace, *batches(5, 30, 0.5), idle_w=None)
    assert found.grouped == 20
    assert found.gross_j == pytest.approx(1.5)
    assert found.gross_interval_j is None


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Noise that lasts from batch to batch: intervals of single batches would be far too narrow."""
    random = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        noise = np.zeros(4001)
        for step, kick in enumerate(random.normal(0, 0.1, 4000)):
            noise[step + 1] = 0.9 * noise[step] + kick
        trace = Trace.of_powers(np.arange(4001) / 10, 3 + noise, longest_gap_s=1)
        low, high = batch_energy(trace, *batches(0, 400, 1), idle_w=None).gross_interval_j
        hits += low < 3.0 < high
    assert hits >= 180  # 95 % of 200, less three standard deviations


def test_the_quantiles_are_students() -> None:
    from scipy.stats import t as student_t  # a second's import

    freedom = np.arange(1, len(_T) + 1)
    np.testing.assert_allclose(_T, student_t.ppf(0.975, freedom), atol=5e-4)


def test_a_long_training_is_counted_at_once() -> None:
    """180,000 readings and 500,000 batches, as arrays: no loop over either."""
    trace = readings(lambda t: 0 * t + 2.5, 18_000, 10, 0.3)
    found = batch_energy(trace, *batches(100, 500_000, 0.03), idle_w=2.0)
    assert (found.batches, found.grouped) == (500_000, 34)
    assert found.gross_j == pytest.approx(0.075, rel=1e-6)
    assert found.net_j == pytest.approx(0.015, rel=1e-6)
