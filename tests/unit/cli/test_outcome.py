from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from perennial.cli.outcome import Checked, Outcome, outcome_json
from perennial.monitoring.records import Decision, LedgerEntry, OpenCheck
from perennial.store import LocalStore
from tests.verdicts import judged

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(outcome: str) -> LedgerEntry:
    check = OpenCheck(
        model="orders",
        sequence=1,
        as_of=NOON,
        watched_as="",
        champion=None,
        cursor=None,
        cursor_after=NOON,
        batch=None,
        rows=0,
        late_rows=0,
        matured=None,
        matured_rows=0,
        matured_until=None,
        too_late_rows=0,
        seen=None,
        rows_since_training=0,
    )
    decision = Decision(outcome=outcome, reasons=("because",), run_id="run_1" if outcome == "trigger" else None)
    return LedgerEntry(sequence=1, model="orders", as_of=NOON, check=check, results=(), decision=decision)


@pytest.mark.parametrize(
    ("checked", "code"),
    [
        (Checked("too few rows"), 0),
        (Checked("", entry("trigger"), judged("reject")), 3),
        (Checked("", entry("trigger"), judged("inconclusive")), 4),
        (Checked("", entry("trigger"), judged("inconclusive", consequence="promote")), 5),
        (Checked("", entry("trigger"), judged("promote")), 5),
        (Checked("", entry("none")), 6),
        (Checked("", entry("hold")), 7),
    ],
)
def test_each_result_of_a_look_has_its_own_exit_code_and_word(checked, code, tmp_path):
    assert checked.outcome == code
    told = json.loads(outcome_json(LocalStore(tmp_path), "orders", checked))
    assert told["outcome"] == Outcome(code).word
    assert (told["retraining"] is None) == (checked.verdict is None)
