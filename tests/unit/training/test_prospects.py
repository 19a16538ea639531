"""What train, evaluate and decide would say of the rows later is said when they are read."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from perennial.errors import DataError, SpecError, TrainingError
from perennial.training.prospects import check_rows

TEXTS = {0: "no", 1: "yes"}


def test_rows_that_suit_the_spec_pass_in_silence(make_spec, rows, caplog):
    check_rows(make_spec(monitoring={"min_rows": 400}), rows)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("parts", "changes", "error", "said"),
    [
        ({}, {"label": None}, DataError, "none of the 400 rows has a label"),
        ({}, {"label": 1}, TrainingError, "'label' has one class only in the 300 training rows: 1"),
        ({}, {"label": "yes"}, TrainingError, "'label' has one class only in the 300 training rows: yes"),
        ({}, {"label": "text"}, SpecError, "target.positive is not set, and the labels of 'label' are 'no', 'yes'"),
        (
            {"target": {"column": "label", "positive": "ja"}},
            {"label": "text"},
            SpecError,
            "target.positive is 'ja', and the labels",
        ),
        (
            {"target": {"column": "label", "positive": 1}},
            {"label": np.arange(400) % 3},
            SpecError,
            "target.positive is 1, which is for two labels, but 'label' has 3: 0, 1, 2",
        ),
        ({}, {"gap": np.nan}, TrainingError, "feature 'gap' has no value in any of the 300 training rows"),
        ({}, {"kind": None}, TrainingError, "feature 'kind' has no value in any of the 300 training rows"),
        (
            {"task": "regression", "target": {"column": "amount"}},
            {"amount": 2.5},
            TrainingError,
            "'amount' has one value only in the 300 training rows: 2.5",
        ),
    ],
)
def test_what_a_later_step_would_fail_on_is_an_error(make_spec, rows, parts, changes, error, said):
    changes = {
        name: rows.label.map(TEXTS) if isinstance(value, str) and value == "text" else value
        for name, value in changes.items()
    }
    with pytest.raises(error, match=said):
        check_rows(make_spec(**parts), rows.assign(**changes))


def test_too_few_rows_are_an_error(make_spec, rows):
    with pytest.raises(TrainingError, match="9 labelled rows are left to train on"):
        check_rows(make_spec(), rows.head(12))


@pytest.mark.parametrize(
    ("parts", "changes", "said"),
    [
        (
            {"evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"}},
            {},
            "the holdout has 80 labelled rows and evaluation.gates.min_rows asks for 100, so the candidate will be",
        ),
        ({"monitoring": {}}, {}, "waits for 500 new rows before each check, more than the whole window has (400)"),
        ({}, {"label": [*([0, 1] * 150), *([1] * 100)]}, "all 100 held-out rows have the label 1"),
        ({}, {"label": [*([0, 1] * 150), *([1, 2] * 50)]}, "the label 2 is in the holdout and in no training row"),
    ],
)
def test_what_a_candidate_cannot_pass_is_a_warning(make_spec, rows, caplog, parts, changes, said):
    with caplog.at_level(logging.WARNING):
        check_rows(make_spec(**parts), rows.assign(**changes))
    (message,) = caplog.messages
    assert said in message


def test_labels_are_missed_where_others_wait_for_them(make_spec, rows):
    """Rows whose label is not known yet are no reason to refuse the others."""
    labels = rows.label.astype("float64")
    labels[-50:] = np.nan
    spec = make_spec(evaluation={"holdout": {"rows": 100}, "primary": "roc_auc"})
    check_rows(spec, rows.assign(label=labels))
