from __future__ import annotations

import pytest

from perennial.linting.transform import check_transform

MODULE = """\
NUMBER = 3
def make_features(frame): return frame
def with_option(frame, scale=1): return frame
def of_two(frame, other): return frame
"""


@pytest.fixture(autouse=True)
def own_modules(tmp_path, monkeypatch):
    (tmp_path / "own_features.py").write_text(MODULE)
    (tmp_path / "failing_features.py").write_text("1 / 0\n")
    (tmp_path / "needy_features.py").write_text("import not_installed_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ["make_features", "with_option"])
def test_a_function_of_a_data_frame_is_not_complained_about(name):
    assert list(check_transform(f"own_features:{name}")) == []


@pytest.mark.parametrize(
    ("transform", "said", "hint"),
    [
        ("own_features:make_feature", "module 'own_features' has no 'make_feature'", "did you mean 'make_features'?"),
        ("own_feature:make_features", "there is no module 'own_feature'", "did you mean 'own_features'?"),
        ("zzz:make", "there is no module 'zzz'", "Airflow finds modules in plugins/ and those on PYTHONPATH"),
        ("failing_features:make", "fails when it is imported: ZeroDivisionError: division by zero", ""),
        ("needy_features:make", "needs 'not_installed_at_all', which is not installed", ""),
        ("own_features:NUMBER", "is not a function but of type int", ""),
        ("own_features:of_two", "of_two(frame, other) must be callable with one data frame", ""),
    ],
)
def test_what_is_no_such_function_is_said(transform, said, hint):
    (finding,) = check_transform(transform)
    assert finding.path == ("features", "transform")
    assert said in finding.message
    assert hint in finding.hint
