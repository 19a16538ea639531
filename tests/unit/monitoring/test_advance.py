from __future__ import annotations

from perennial.drift.charts.chart_state import ChartState, ColumnHistory
from perennial.drift.charts.profile import Profile
from perennial.monitoring.advance import advance
from perennial.monitoring.records import Alarm, CheckedRows, Decision, LedgerEntry, MonitorState, SetBack
from tests.unit.monitoring.parcels import day, make_check, make_result

SEEN = CheckedRows(key="before", after=day(0), columns=("id",))
BEFORE = MonitorState(
    sequence=3,
    cursor=day(3),
    matured_cursor=day(1),
    champion_version="1",
    page_hinkley={"rows": 10},
    seen=SEEN,
)
ALARM = Alarm(tests=("ks",), champion_version="1", sequence=4, as_of=day(4))
PH = make_result("page_hinkley", "quiet", detector={"rows": 30})


def decision(outcome, alarm=None):
    return Decision(outcome=outcome, reasons=(), alarm=alarm)


def entry(check, results, decided, **given):
    return LedgerEntry(
        sequence=check.sequence,
        model="parcels",
        as_of=check.as_of,
        check=check,
        results=results,
        decision=decided,
        **given,
    )


def test_a_check_moves_everything():
    seen = CheckedRows(key="after", after=day(2), columns=("id",))
    check = make_check(4, seen=seen)
    assert advance(BEFORE, entry(check, [make_result("ks"), PH], decision("hold", ALARM))) == MonitorState(
        sequence=4,
        cursor=day(4),
        matured_cursor=day(2),
        champion_version="1",
        page_hinkley={"rows": 30},
        seen=seen,
        alarm=ALARM,
    )


def test_a_trigger_leaves_nothing_pending():
    before = BEFORE.model_copy(update={"alarm": ALARM})
    assert advance(before, entry(make_check(4), [PH], decision("trigger"))).alarm is None


def test_a_coalesced_check_moves_nothing_but_its_number():
    check = make_check(4, champion="2", cursor=day(3), seen=CheckedRows(key="after", after=day(2), columns=("id",)))
    after = advance(BEFORE, entry(check, [PH], decision("coalesce", ALARM)))
    assert after == BEFORE.model_copy(update={"sequence": 4, "alarm": ALARM})


def test_a_first_check_that_is_coalesced_is_repeated_from_where_it_began():
    check = make_check(1, cursor=day(-2))
    after = advance(MonitorState(), entry(check, [PH], decision("coalesce", ALARM)))
    assert (after.cursor, after.champion_version, after.page_hinkley, after.seen) == (day(-2), "1", None, None)


def test_without_a_champion_nothing_is_remembered_of_the_last_one():
    after = advance(BEFORE, entry(make_check(4, champion=None), [], decision("none")))
    assert after == MonitorState(sequence=4, cursor=day(4))


def test_a_detector_that_there_is_none_of_is_not_kept():
    assert advance(BEFORE, entry(make_check(4), [make_result("ks")], decision("none"))).page_hinkley is None


def test_the_cursor_moves_as_far_as_the_source_goes_and_not_as_as_of():
    assert advance(BEFORE, entry(make_check(4, cursor_after=day(3.5)), [], decision("none"))).cursor == day(3.5)


def test_that_the_cursor_was_set_back_is_remembered():
    back = SetBack(sequence=4, to=day(2), by="me", reason="a wrong clock")
    after = advance(BEFORE, entry(make_check(4, at=2, cursor=day(3)), [], decision("none"), set_back=back))
    assert (after.cursor, after.set_back) == (day(2), back)
    assert advance(after, entry(make_check(5), [], decision("none"))).set_back == back
    coalesced = advance(after, entry(make_check(5), [], decision("coalesce", ALARM)))
    assert coalesced.set_back == back


def learnt(rows):
    return ChartState(
        reference="r", columns={"weight": ColumnHistory(last=Profile(rows=rows, missing=0, counts=(rows,)))}
    )


def test_what_charts_learnt_is_kept_until_another_champion_or_the_cursor_is_set_back():
    before = BEFORE.model_copy(update={"charts": {"ks": learnt(10), "categorical": learnt(10)}})
    results = [make_result("ks", chart=learnt(20)), make_result("categorical", "not tested")]
    after = advance(before, entry(make_check(4), results, decision("none")))
    assert after.charts == {"ks": learnt(20), "categorical": learnt(10)}
    assert advance(before, entry(make_check(4, champion="2"), results, decision("none"))).charts == {"ks": learnt(20)}
    assert advance(before, entry(make_check(4), results, decision("coalesce", ALARM))).charts == before.charts
    back = SetBack(sequence=4, to=day(1), by="me", reason="so")
    assert advance(before, entry(make_check(4), [], decision("none"), set_back=back)).charts == {}
