"""What the tests of a process look at, with a real champion: each thing is fetched once, and no more than is needed."""

from __future__ import annotations

import shutil
import sys
from collections import Counter

import pandas as pd
import pytest

from perennial.monitoring.drift_tests import reader as check_reader
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.report.page import render_report
from perennial.monitoring.steps import TESTS, CheckReader, decide, open_check
from perennial.spec import ModelSpec
from perennial.store import Damaged
from tests.watched_model import SPEC, TRAINED_ROWS, make_watched


@pytest.fixture(scope="module")
def champion(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("champion")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    # Labels take a day, so that batch and matured rows differ.
    target = {"column": "y", "label_delay_days": 1}
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", target=target)
    watched.retrain()
    return watched


@pytest.fixture
def watched(champion, tmp_path):
    watched = champion.copy(tmp_path / "model")
    watched.land(TRAINED_ROWS, 3000, shift=1.0)
    return watched


@pytest.fixture
def fetched(monkeypatch):
    """Count what is fetched; of rows, how often each column of each key."""
    found = Counter()

    def counted(name, work):
        def call(*arguments, **named):
            what = [(arguments[1], column) for column in named["columns"]] if name == "read_rows" else [name]
            found.update(what)
            return work(*arguments, **named)

        monkeypatch.setattr(check_reader, name, call)

    for name in ("read_rows", "usable_bundle", "score_rows", "load_reference"):
        counted(name, getattr(check_reader, name))
    return found


def test_all_tests_and_their_report_fetch_nothing_twice(watched, fetched):
    run = watched.run()
    check = open_check(run)
    reader = CheckReader(run)
    entry = decide(run, check, [of(reader, check) for of in TESTS.values()])
    render_report(reader, entry)
    assert fetched.pop("load_reference") == 1
    assert fetched.pop("usable_bundle") == 1
    assert fetched.pop("score_rows") == 2
    assert check.batch != check.matured
    assert set(fetched.values()) == {1}


def test_a_reader_for_all_tests_finds_what_one_for_each_finds(watched):
    run = watched.run()
    check = open_check(run)
    reader = CheckReader(run)
    together = {name: of(reader, check) for name, of in TESTS.items()}
    assert together == {name: of(CheckReader(run), check) for name, of in TESTS.items()}
    entry = decide(run, check, list(together.values()))
    assert render_report(reader, entry) == render_report(CheckReader(run), entry)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("ks", "batch", {"x", "few", "holes"}),
        ("categorical", "batch", {"kind"}),
        ("predictions", "batch", {"x", "few", "holes", "kind"}),
        ("page_hinkley", "matured", {"x", "few", "holes", "kind", "y"}),
        ("volume", "batch", set()),
    ],
)
def test_a_test_alone_reads_the_columns_that_it_looks_at(watched, fetched, name, rows, columns):
    run = watched.run()
    check = open_check(run)
    TESTS[name](CheckReader(run), check)
    key = getattr(check, rows)
    assert {what for what in fetched if isinstance(what, tuple)} == {(key, column) for column in columns}


def test_a_test_without_columns_reads_no_rows(watched, fetched):
    drift = {"exclude": ["x", "few", "holes"]}
    spec = ModelSpec.model_validate(watched.spec.model_dump() | {"monitoring": SPEC["monitoring"] | {"drift": drift}})
    run = watched.run(spec=spec)
    found = TESTS["ks"](CheckReader(run), open_check(run))
    assert found.sentence == "ks: not tested, the champion has no such features."
    assert set(fetched) == {"load_reference"}


def test_a_column_that_the_rows_lack_is_left_out(watched):
    check = open_check(watched.run())
    assert list(CheckReader(watched.run()).rows(check.batch, ["x", "unheard_of"])) == ["x"]


def test_columns_come_as_they_were_read_whole(watched):
    run = watched.run()
    check = open_check(run)
    whole = read_rows(run.store, check.batch)
    pd.testing.assert_frame_equal(CheckReader(run).rows(check.batch, list(whole)), whole)


def test_rows_that_are_gone_are_missed_only_by_who_has_not_read_them(watched):
    run = watched.run()
    check = open_check(run)
    reader = CheckReader(run)
    rows = reader.rows(check.batch, ["x"])
    run.store.delete(check.batch)
    pd.testing.assert_frame_equal(reader.rows(check.batch, ["x"]), rows)
    with pytest.raises(Damaged, match=f"{check.batch} is gone"):
        reader.rows(check.batch, ["few"])


@pytest.fixture
def transformed(tmp_path, mlflow_uri, monkeypatch):
    """A champion whose transform doubles x, and counts its calls."""
    (tmp_path / "doubling.py").write_text(
        "calls = []\ndef double(rows):\n    calls.append(len(rows))\n    return rows.assign(x=2 * rows['x'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    features = SPEC["features"] | {"transform": "doubling:double", "inputs": ["x", "few", "holes", "kind"]}
    watched = make_watched(tmp_path / "doubled", mlflow_uri, features=features)
    watched.retrain()
    watched.land(TRAINED_ROWS, 500)
    yield watched
    sys.modules.pop("doubling", None)


def test_the_champions_transform_makes_the_features_once_whatever_the_spec_names(transformed):
    run = transformed.run(spec=ModelSpec.model_validate(SPEC))
    check = open_check(run)
    reader = CheckReader(run)
    sys.modules["doubling"].calls.clear()
    doubled, kinds = (reader.features(check.champion, check.batch, [name]) for name in ("x", "kind"))
    rows = reader.rows(check.batch, ["x", "kind"])
    pd.testing.assert_frame_equal(doubled, 2 * rows[["x"]])
    pd.testing.assert_frame_equal(kinds, rows[["kind"]])
    assert sys.modules["doubling"].calls == [check.rows]
