"""What drift tests compare of texts and times, with a real champion."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from perennial.models.manifest import Feature
from perennial.monitoring.drift_tests.compared import compared_columns, compared_values
from perennial.monitoring.report.page import render_report
from perennial.monitoring.steps import TESTS, CheckReader, decide, make_test, open_check
from perennial.spec import ModelSpec
from tests.watched_model import SPEC, TRAINED_ROWS, Watched


class Letters(Watched):
    """Rows with a note and a time; with a shift, notes are longer and times come later in the day."""

    def land(self, first, rows, *, shift=0.0, **changes):
        super().land(first, rows, **changes)
        path = self.home / "rows" / f"{first:06d}.parquet"
        frame, random = pd.read_parquet(path), np.random.default_rng(first)
        frame["note"] = random.choice(["ring the bell", "to the door", "leave it"], rows)
        frame["note"] += " please, it is number 12" * bool(shift)
        hours = random.integers(12 if shift else 0, 24, rows)
        frame["sent"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
            24 * random.integers(0, 70, rows) + hours, unit="h"
        )
        frame.to_parquet(path, index=False)


@pytest.fixture(scope="module")
def letters(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("letters")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    features = {"numeric": ["x"], "categorical": ["kind"], "text": ["note"], "datetime": ["sent"]}
    # Without the detector, whose calibration would take longer than all else.
    monitoring = SPEC["monitoring"] | {"page_hinkley": None}
    spec = ModelSpec.model_validate(SPEC | {"features": features, "monitoring": monitoring})
    (home / "model").mkdir()
    watched = Letters(home / "model", f"sqlite:///{home}/mlflow.db", spec)
    watched.land(0, TRAINED_ROWS)
    watched.retrain()
    return watched


def test_texts_and_times_that_changed_are_named_by_what_changed_in_them(letters):
    letters.land(TRAINED_ROWS, 1000, shift=1.0)
    run = letters.run()
    check = open_check(run)
    reader = CheckReader(run)
    entry = decide(run, check, [make_test(reader, check, name) for name in TESTS])

    columns = {column.column: column for result in entry.results for column in result.columns}
    assert {"x", "kind", "note (length)", "note (words)", "note (digits)", "note (letters)"} < set(columns)
    assert {"sent (hour)", "sent (weekday)"} < set(columns)
    drifted = {name for name, column in columns.items() if column.drifted}
    assert {"note (length)", "note (words)", "note (digits)", "sent (hour)"} <= drifted
    assert not drifted & {"x", "kind"}
    page = render_report(reader, entry).decode()
    assert "note (length)" in page
    assert page.count("<svg") > 2


def test_a_replays_reader_which_gives_columns_as_often_as_they_are_asked_for_gets_the_same(letters):
    class AsReplayed(CheckReader):
        def rows(self, key, columns):
            return super().rows(key, columns)[list(columns)]

    letters.land(TRAINED_ROWS, 1000, shift=1.0)
    check = open_check(letters.run())
    readers = CheckReader(letters.run()), AsReplayed(letters.run())
    names = compared_columns(readers[0].manifest(check.champion), "numeric", exclude=())
    plain, replayed = (reader.features(check.champion, check.batch, names) for reader in readers)
    assert len(names) == 7
    pd.testing.assert_frame_equal(plain, replayed)


def test_statistics_of_texts_and_times_by_hand(letters):
    class Champion:
        features = (
            Feature(name="note", kind="text", made_by="source"),
            Feature(name="sent", kind="datetime", made_by="source"),
            Feature(name="x", kind="numeric", made_by="source"),
        )

    columns = compared_columns(Champion, "numeric", exclude=["x"])
    rows = pd.DataFrame(
        {
            "note": pd.Series(["ab 12", "Größe_7!", None], dtype="str"),
            "sent": pd.to_datetime(pd.Series(["2024-03-04T06:30:00Z", "2024-03-10T00:00:00Z", None])),
        }
    )
    made = compared_values(Champion, rows, columns)
    assert list(made) == [
        *(f"note ({name})" for name in ("length", "words", "digits", "letters")), "sent (hour)", "sent (weekday)"
    ]  # fmt: skip
    np.testing.assert_allclose(
        made.to_numpy(),
        [[5, 2, 0.4, 0.4, 6.5, 0], [8, 1, 0.125, 0.625, 0, 6], [np.nan] * 6],
    )
    assert compared_columns(Champion, "numeric", exclude=["note", "sent"]) == ("x",)
    assert list(compared_values(Champion, rows[["sent"]], columns)) == ["sent (hour)", "sent (weekday)"]
