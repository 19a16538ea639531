from __future__ import annotations

import itertools
from datetime import date, datetime

from demo.periods import WINTER, ZONE, Period, batches


def test_the_batches_follow_the_winter_without_gaps_to_the_year_s_end() -> None:
    found = batches()
    assert len(found) >= 20
    assert found[0].start == WINTER.end
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    assert found[-1].end == date(2014, 1, 1)


def test_each_batch_but_the_last_has_two_of_every_day_of_the_week() -> None:
    for period in batches()[:-1]:
        weekdays = [day.weekday() for day in period.days]
        assert [weekdays.count(n) for n in range(7)] == [2] * 7


def test_longer_batches_hold_the_same_days() -> None:
    longer = batches(days=28)
    assert longer[0] == Period(batches()[0].start, batches()[1].end)
    assert longer[-1].end == batches()[-1].end


def test_as_of_is_the_last_second_in_new_york() -> None:
    assert WINTER.as_of == datetime(2013, 2, 28, 23, 59, 59, tzinfo=ZONE)
    assert str(Period(date(2013, 4, 26), date(2013, 5, 10))) == "Apr 26 to May 09"
