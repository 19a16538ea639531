"""Calibrated detectors keep their budget of false alarms on fresh rows, and find stated shifts in the stated time."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.signal import lfilter

from perennial.drift import Calibration, PageHinkley, calibrate
from perennial.drift.sequential.autocorrelation import blocks_for, cautious_blocks_for
from perennial.drift.sequential.resampling import DailyStream, whole_days
from perennial.errors import DataError

BUDGET = 10_000


def bernoulli(rng, rows):
    return (rng.random(rows) < 0.1).astype(float)


def gaussian(rng, rows):
    return rng.normal(5, 3, size=rows)


def autocorrelated(rng, rows):
    return lfilter([1.0], [1.0, -0.5], rng.normal(size=rows + 100))[100:]


STREAMS = [bernoulli, gaussian, autocorrelated]


@pytest.fixture(scope="module", params=STREAMS, ids=lambda stream: stream.__name__)
def calibrated(request):
    losses = request.param(np.random.default_rng(21), 50_000)
    return request.param, calibrate(losses, one_false_alarm_in=BUDGET, shift=0.5)


def test_false_alarms_on_fresh_rows_are_within_a_factor_two_of_the_budget(calibrated):
    stream, detector = calibrated
    rows = 300 * BUDGET
    alarms = detector_afresh(detector).update(stream(np.random.default_rng(22), rows)).size
    assert BUDGET / 2 < rows / alarms < BUDGET * 2


def test_achieved_rate_is_the_one_asked_and_lies_in_its_interval(calibrated):
    found = calibrated[1].calibration
    assert found.achieved_low < found.achieved_one_in < found.achieved_high
    assert found.achieved_one_in == pytest.approx(BUDGET, rel=0.2)
    assert found.achieved_high / found.achieved_low < 1.5


def test_stated_shifts_are_found_in_the_stated_time(calibrated):
    stream, detector = calibrated
    found = detector.calibration
    rng = np.random.default_rng(23)
    delays = []
    for sign in np.tile([1.0, -1.0], 100):
        trial = detector_afresh(detector)
        if trial.update(stream(rng, 1000)).size:
            continue
        hits = trial.update(stream(rng, 1000) + sign * 0.5 * detector.parameters.scale)
        delays.append(hits[0] + 1 if hits.size else math.inf)
    assert np.mean(np.array(delays) <= found.delay_rows_90) >= 0.8
    assert found.found_share > 0.9
    assert np.mean([delay for delay in delays if delay < math.inf]) == pytest.approx(
        found.expected_delay_rows, rel=0.15
    )


def detector_afresh(detector):
    return PageHinkley.from_state(detector.state())


def test_a_larger_budget_costs_a_longer_delay():
    losses = gaussian(np.random.default_rng(1), 20_000)
    often, seldom = (calibrate(losses, one_false_alarm_in=n, shift=0.5) for n in (1_000, 100_000))
    assert seldom.parameters.threshold > 1.5 * often.parameters.threshold
    assert seldom.calibration.expected_delay_rows > often.calibration.expected_delay_rows


def test_losses_are_standardised_by_the_reference():
    losses = gaussian(np.random.default_rng(1), 20_000)
    plain = calibrate(losses, one_false_alarm_in=1_000)
    scaled = calibrate(7 + 1000 * losses, one_false_alarm_in=1_000)
    assert plain.parameters.center == pytest.approx(losses.mean())
    assert plain.parameters.scale == pytest.approx(losses.std())
    assert scaled.parameters.threshold == pytest.approx(plain.parameters.threshold)


def test_same_losses_and_seed_give_the_same_detector_which_survives_json():
    losses = bernoulli(np.random.default_rng(1), 5_000)
    first, again = (calibrate(losses, one_false_alarm_in=1_000) for _ in range(2))
    assert first.state() == again.state()
    assert Calibration.model_validate_json(first.calibration.model_dump_json()) == first.calibration
    assert first.calibration.sentence.startswith("one false alarm in ")


def test_losses_that_are_not_finite_are_counted_and_left_out():
    losses = bernoulli(np.random.default_rng(1), 5_000)
    holed = np.insert(losses, [5, 100], [np.nan, np.inf])
    clean, found = (calibrate(values, one_false_alarm_in=1_000).calibration for values in (losses, holed))
    assert found == clean.model_copy(update={"ignored_rows": 2})


def test_too_few_or_equal_losses_are_a_clear_error():
    with pytest.raises(DataError, match="at least 200 finite losses of the reference; it has 150 of 151"):
        calibrate([*range(150), math.nan], one_false_alarm_in=1_000)
    with pytest.raises(DataError, match="all 500 losses of the reference are 0"):
        calibrate(np.zeros(500), one_false_alarm_in=1_000)


def test_a_shift_that_is_never_found_is_not_given_a_delay():
    losses = lfilter([1.0], [1.0, -0.98], np.random.default_rng(1).normal(size=20_000))
    detector = calibrate(losses, one_false_alarm_in=2_000, shift=0.05)
    assert detector.calibration.found_share < 0.9
    assert detector.calibration.delay_rows_90 is None
    json.dumps(detector.state(), allow_nan=False)


def days_of(rng, days, *, cycle=0.0, apart=0.0):
    """Losses and times of days of 900 rows: how far the hours lie from the day, and the days from each other."""
    clock = np.sort(rng.random((days, 900)), axis=1)
    losses = cycle * np.sin(2 * np.pi * clock) + apart * rng.normal(size=(days, 1)) + rng.normal(size=clock.shape)
    times = np.datetime64("2026-01-01") + ((np.arange(days)[:, None] + clock) * 86_400e6).astype("timedelta64[us]")
    return losses.ravel(), times.ravel()


def alarms_to_expected(detector, losses, budget):
    return detector_afresh(detector).update(losses).size * budget / losses.size


@pytest.mark.parametrize(
    ("shift", "differences"), [(0.25, {"cycle": 0.15}), (0.5, {"cycle": 0.3}), (0.25, {"apart": 0.15})]
)
def test_a_daily_cycle_and_days_that_differ_make_no_more_false_alarms_than_asked(shift, differences):
    losses, times = days_of(np.random.default_rng(1), 14, **differences)
    blind = calibrate(losses, one_false_alarm_in=BUDGET, shift=shift)
    seeing = calibrate(losses, one_false_alarm_in=BUDGET, shift=shift, times=times)
    fresh, _ = days_of(np.random.default_rng(2), 2_000, **differences)
    assert not 0.5 < alarms_to_expected(blind, fresh, BUDGET) < 2
    assert alarms_to_expected(seeing, fresh, BUDGET) < 2
    assert seeing.calibration.days == 14


def test_times_cost_little_where_days_are_alike():
    losses, times = days_of(np.random.default_rng(3), 14)
    blind, seeing = (
        calibrate(losses, one_false_alarm_in=BUDGET, shift=0.5, **known) for known in ({}, {"times": times})
    )
    assert seeing.calibration.expected_delay_rows < 1.3 * blind.calibration.expected_delay_rows
    fresh, _ = days_of(np.random.default_rng(4), 2_000)
    assert 0.5 < alarms_to_expected(seeing, fresh, BUDGET) < 2


def test_too_few_days_are_said_and_change_nothing():
    losses, times = days_of(np.random.default_rng(1), 4)
    blind, told = (calibrate(losses, one_false_alarm_in=1_000, **known) for known in ({}, {"times": times}))
    assert told.parameters.threshold == blind.parameters.threshold
    assert "4 whole days are too few" in told.calibration.sentence
    assert "days" not in blind.calibration.sentence


def test_a_part_of_a_day_is_no_day():
    times = np.datetime64("2026-01-01T09:00") + np.arange(0, 7 * 24 + 3) * np.timedelta64(1, "h")
    assert np.unique(whole_days(times)).tolist() == [-1, 0, 1, 2, 3, 4, 5, 6]
    assert (whole_days(times[::24]) == -1).all()


def test_what_stays_the_same_every_day_and_what_differs_are_both_in_the_drawn_days():
    losses, times = days_of(np.random.default_rng(5), 60, cycle=2.0, apart=0.5)
    stream = DailyStream(losses, whole_days(times), np.random.default_rng(6))
    drawn = np.concatenate([stream.draw(900 * 10) for _ in range(100)])[: 1_000 * 900].reshape(-1, 900)
    hours = drawn.reshape(len(drawn), 12, -1).mean(axis=2)
    assert np.ptp(hours.mean(axis=0)) == pytest.approx(3.86, rel=0.05)
    assert drawn.mean(axis=1).std() == pytest.approx(losses.reshape(60, 900).mean(axis=1).std(), rel=0.15)


def test_times_that_are_not_the_losses_are_refused():
    losses, times = days_of(np.random.default_rng(1), 6)
    for wrong in (times[:-1], times[::-1]):
        with pytest.raises(ValueError, match="times must be the 5400 losses' times, ascending"):
            calibrate(losses, one_false_alarm_in=1_000, times=wrong)


@pytest.mark.parametrize("wrong", [{"one_false_alarm_in": 10}, {"shift": 0}])
def test_arguments_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        calibrate(range(300), **({"one_false_alarm_in": 1_000} | wrong))


def test_blocks_grow_with_autocorrelation():
    rng = np.random.default_rng(2)
    alone, together = blocks_for(rng.normal(size=20_000)), blocks_for(autocorrelated(rng, 20_000))
    assert alone.length <= 3
    assert 20 <= together.length <= 60
    assert alone.stretch == pytest.approx(1, abs=0.01)
    assert 1.005 < together.stretch < 1.05
    assert blocks_for(np.ones(500)).length == 1
    assert blocks_for(np.arange(5000.0)).length <= 3 * math.sqrt(5000)


def test_a_short_series_is_not_taken_to_avoid_itself():
    swinging = np.tile([1.0, -1.0], 7)
    assert cautious_blocks_for(swinging).length == 1
    assert cautious_blocks_for(autocorrelated(np.random.default_rng(2), 20_000)).length > 1
