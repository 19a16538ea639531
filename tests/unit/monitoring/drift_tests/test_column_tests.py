from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from perennial.drift import ChiSquare, KolmogorovSmirnov
from perennial.monitoring.drift_tests.column_tests import (
    judge_columns,
    measure_categories,
    measure_numbers,
    measure_predictions,
    without_values,
)
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.spec.monitoring import Drift
from tests.unit.monitoring.parcels import make_check, make_spec

CHANCE = np.random.default_rng(3)
COLUMNS = [f"c{number}" for number in range(10)]


def frame(rows=500, moved=0):
    values = CHANCE.normal(size=(rows, len(COLUMNS)))
    values[:, :moved] += 2
    return pd.DataFrame(values, columns=COLUMNS)


@pytest.fixture(scope="module")
def reference():
    return KolmogorovSmirnov.fit(frame(2000))


@pytest.mark.parametrize(
    ("drift", "moved", "status", "needed"),
    [
        ({}, 0, "quiet", 1),
        ({}, 1, "fired", 1),
        ({"min_columns": 3}, 2, "quiet", 3),
        ({"min_columns": 3}, 3, "fired", 3),
        ({"min_share": 0.25}, 2, "quiet", 3),
        ({"min_share": 0.25}, 3, "fired", 3),
        ({"min_share": 0.01}, 0, "quiet", 1),
    ],
)
def test_it_fires_when_enough_columns_have_drifted(reference, drift, moved, status, needed):
    found = judge_columns("ks", reference.compare(frame(moved=moved), level=0.01), Drift.model_validate(drift))
    assert found.status == status
    assert (found.figures["tested"], found.figures["drifted"], found.figures["needed"]) == (10, moved, needed)
    assert len(found.columns) == 10
    assert found.sentence == f"ks: {found.sentence.removeprefix('ks: ')}"
    if moved:
        assert found.figures["largest_column"] in COLUMNS[:moved]
        assert f"{moved} of 10 columns drifted" in found.sentence


def test_predictions_are_one_column_whatever_the_spec_asks_of_the_features(reference):
    report = KolmogorovSmirnov.fit(frame(2000)[["c0"]]).compare(frame(moved=1)[["c0"]])
    drift = Drift(min_columns=5)
    assert judge_columns("ks", report, drift).status == "quiet"
    assert judge_columns("predictions", report, drift).status == "fired"


@pytest.mark.parametrize("rows", [0, 5])
def test_too_few_rows_are_not_tested_and_it_is_said_why(reference, rows):
    found = judge_columns("ks", reference.compare(frame(rows)), Drift())
    assert found.status == "not tested"
    assert found.sentence.startswith("ks: not tested, ")
    assert str(rows) in found.sentence or "no value" in found.sentence
    assert len(found.columns) == 10


def test_a_model_without_such_columns_is_not_tested():
    report = ChiSquare.fit(pd.DataFrame(index=range(50)), columns=[]).compare(pd.DataFrame(index=range(50)))
    found = judge_columns("categorical", report, Drift())
    assert (found.status, found.sentence) == (
        "not tested",
        "categorical: not tested, the champion has no such features.",
    )


def test_a_category_is_quoted_unless_the_rows_may_not_leave_their_region():
    batch = pd.DataFrame({"customer": ["anna"] * 100 + ["zoe"] * 400})
    report = ChiSquare.fit(pd.DataFrame({"customer": ["anna", "bert"] * 500}), columns=["customer"]).compare(batch)

    quoted, kept = report["customer"], without_values(report)["customer"]

    assert "zoe" in quoted.model_dump_json()
    assert not {name for name in ("anna", "bert", "zoe") if name in kept.model_dump_json()}
    assert kept.sentence == f"shares differ ({quoted.effect:.3f}); 400 rows with new values"
    assert (kept.drifted, kept.effect, kept.unseen_rows) == (True, quoted.effect, 400)


@pytest.mark.parametrize("test", [measure_numbers, measure_categories, measure_predictions])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"champion": None}, "there is no champion yet"), ({"batch": None}, "there are no new rows")],
)
def test_without_a_champion_or_rows_nothing_is_tested(make_run, test, changes, reason):
    found = test(CheckReader(make_run(make_spec())), make_check(1, **changes))
    assert found.status == "not tested"
    assert reason in found.sentence
