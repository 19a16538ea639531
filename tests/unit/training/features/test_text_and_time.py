from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.formats.trusted_types import allowed_types, check_allowed
from perennial.models.predictions import identical
from perennial.registry.bundles import load_candidate
from perennial.training.features.text_and_time import DIMENSIONS, calendar_parts, text_as_numbers
from perennial.training.fit import prepare_fit
from perennial.training.train import train

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
FEATURES = {"numeric": ["x"], "text": ["note"], "datetime": ["sent"]}


@given(st.lists(st.datetimes(min_value=pd.Timestamp("1600-01-01"), max_value=pd.Timestamp("2400-01-01")), min_size=1))
@settings(max_examples=25, deadline=None)
def test_calendar_parts_are_those_of_pandas(moments):
    times = pd.DataFrame({"sent": pd.to_datetime(pd.Series(moments), utc=True).astype("datetime64[us, UTC]")})
    hour, weekday, day = np.asarray(calendar_parts(["sent"], takes_nan=True).fit_transform(times)).T

    clock = times["sent"].dt
    np.testing.assert_allclose(
        hour, clock.hour + clock.minute / 60 + (clock.second + clock.microsecond / 1e6) / 3600, atol=1e-6
    )
    np.testing.assert_allclose(weekday, clock.day_of_week + hour / 24, atol=1e-6)
    apart = np.abs(day - (clock.day_of_year - 1 + hour / 24))
    assert (np.minimum(apart, 365.2425 - apart) < 2).all()


@pytest.mark.parametrize("takes_nan", [True, False])
def test_times_as_text_and_missing_ones_are_read_as_in_a_snapshot(takes_nan):
    times = pd.Series(pd.to_datetime(["2024-03-05T13:30:00Z", None, "1969-12-31T23:00:00Z"])).astype(
        "datetime64[us, UTC]"
    )
    parts = calendar_parts(["sent"], takes_nan=takes_nan).fit(pd.DataFrame({"sent": times}))
    texts = pd.DataFrame({"sent": pd.Series(["2024-03-05T13:30:00Z", None, "1969-12-31T23:00:00Z"], dtype=object)})

    made = np.asarray(parts.transform(pd.DataFrame({"sent": times})))
    np.testing.assert_array_equal(made, np.asarray(parts.transform(texts)))
    assert np.isnan(made[1]).all() == takes_nan
    assert np.isfinite(made[[0, 2]]).all()


def test_hours_on_both_sides_of_midnight_are_near_each_other_for_a_linear_model():
    times = pd.date_range("2024-03-05", periods=48, freq="h", tz="UTC").astype("datetime64[us, UTC]")
    frame = pd.DataFrame({"sent": times})
    splines = np.asarray(calendar_parts(["sent"], takes_nan=False).fit_transform(frame))[:, :5]

    assert np.linalg.norm(splines[23] - splines[24]) < 0.5 * np.linalg.norm(splines[12] - splines[24])


def test_texts_with_the_same_parts_are_nearer_than_others():
    notes = ["late delivery", "delivered late", "invoice 4711", "the invoices", None] * 20
    frame = pd.DataFrame({"note": pd.Series(notes, dtype="str")})
    made = np.asarray(text_as_numbers(["note"], seed=0).fit_transform(frame))

    assert made.shape == (100, DIMENSIONS)
    assert np.linalg.norm(made[0] - made[1]) < np.linalg.norm(made[0] - made[2])
    assert not made[4].any()


@pytest.fixture
def letters(rows):
    """Rows whose note and time tell the label: late in the evening, or where the note complains."""
    random = np.random.default_rng(5)
    note = pd.Series(
        random.choice(["please leave at the door", "LATE again!!", "ring 2 times"], len(rows)), dtype="str"
    )
    sent = rows["at"] + pd.to_timedelta(random.integers(0, 10_000, len(rows)), unit="min")
    label = (note.str.contains("LATE") | (sent.dt.hour > 18)).astype("int64")
    made = rows.assign(note=note, sent=sent.astype("datetime64[us, UTC]"), label=label)
    made.loc[::17, "note"] = np.nan
    made.loc[::19, "sent"] = pd.NaT
    return made


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC])
def test_text_and_times_are_learnt_from_and_saved_without_trusted_types(make_spec, letters, estimator, tmp_path):
    spec = make_spec(estimator, features=FEATURES)
    fit = prepare_fit(spec, letters.head(300))
    fit.run()
    held_out = letters.tail(100)
    assert (fit.model.predict(held_out).values == held_out["label"]).mean() > 0.85

    types = SkopsFormat().write(fit.model, tmp_path / "model.skops")
    check_allowed(types, spec)
    read = SkopsFormat().read(tmp_path / "model.skops", allowed_types(spec))
    assert identical(read.predict(held_out), fit.model.predict(held_out))
    alone = held_out.iloc[[3]].assign(note=None, sent=None)
    assert len(read.predict(alone).values) == 1


@pytest.mark.parametrize(
    ("transformer", "kind"),
    [
        ("sklearn.feature_extraction.text.TfidfVectorizer", "text"),
        ("skrub.StringEncoder", "text"),
        ("skrub.DatetimeEncoder", "datetime"),
    ],
)
def test_steps_take_text_and_times_by_their_kind(make_spec, letters, transformer, kind):
    fit = prepare_fit(
        make_spec(BOOSTING, features={**FEATURES, "steps": [{"transformer": transformer, "columns": kind}]}), letters
    )
    fit.run()

    assert list(fit.model.pipeline["prepare"].named_transformers_)[-1] == "step_1"
    assert (fit.model.predict(letters).values == letters["label"]).mean() > 0.85


def test_a_snapshot_and_a_manifest_say_what_kind_of_feature_each_is(make_spec, letters, prepare):
    run, snapshot = prepare(make_spec(BOOSTING, features=FEATURES), letters)
    assert {name: snapshot.schema_[name] for name in ("note", "sent")} == {
        "note": "string",
        "sent": "timestamp[us, tz=UTC]",
    }
    bundle = load_candidate(run, train(run, snapshot).mlflow_run_id)
    assert [(feature.name, feature.kind) for feature in bundle.manifest.features] == [
        ("x", "numeric"),
        ("note", "text"),
        ("sent", "datetime"),
    ]
    assert len(bundle.predict(letters).values) == 400
