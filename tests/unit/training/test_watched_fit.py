"""A fit that is looked at gives the same model, and each look sees the rounds that are made by then."""

from __future__ import annotations

import numpy as np
import pytest

from perennial.data.folds import plan_folds
from perennial.errors import TrainingError
from perennial.models.predictions import identical
from perennial.training.cross_validation import cross_validate
from perennial.training.fit import prepare_fit
from perennial.training.watched_fit import EndedEarly

pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
pytest.importorskip("xgboost", reason="the extra boosting is not installed")

each_library = pytest.mark.parametrize("estimator", ["lightgbm.LGBMClassifier", "xgboost.XGBClassifier"])


def with_rounds(make_spec, estimator, rounds):
    return make_spec(estimator, model={"params": {"n_estimators": rounds, "n_jobs": 1}, "seed": 2})


@each_library
def test_each_look_sees_the_model_of_so_many_rounds(make_spec, rows, estimator):
    fit, seen = prepare_fit(with_rounds(make_spec, estimator, 20), rows), {}
    fit.run(watch=lambda part: seen.update({part: fit.model.predict(rows)}))
    assert list(seen) == list(range(1, 10))
    for part, said in ((3, seen[3]), (10, fit.model.predict(rows))):
        alone = prepare_fit(with_rounds(make_spec, estimator, 2 * part), rows)
        alone.run()
        np.testing.assert_allclose(said.probabilities, alone.model.predict(rows).probabilities, rtol=1e-6)
    plain = prepare_fit(fit.spec, rows)
    plain.run()
    assert identical(fit.model.predict(rows), plain.model.predict(rows))


@pytest.mark.parametrize(("rounds", "parts"), [(1, []), (3, [3, 6]), (25, list(range(1, 10)))])
def test_few_rounds_are_fewer_looks(make_spec, rows, rounds, parts):
    seen = []
    prepare_fit(with_rounds(make_spec, "lightgbm.LGBMClassifier", rounds), rows).run(watch=seen.append)
    assert seen == parts


@each_library
def test_a_watch_may_end_the_fit_and_its_other_errors_are_those_of_the_fit(make_spec, rows, estimator):
    def end(_):
        raise EndedEarly

    def fail(_):
        raise ValueError("nothing to see")

    spec = with_rounds(make_spec, estimator, 20)
    with pytest.raises(EndedEarly):
        prepare_fit(spec, rows).run(watch=end)
    with pytest.raises(TrainingError, match="nothing to see"):
        prepare_fit(spec, rows).run(watch=fail)


def test_what_cannot_be_watched_is_fitted_all_the_same(make_spec, rows):
    prepare_fit(make_spec(), rows).run(watch=lambda _: pytest.fail("it was looked at"))


def test_cross_validation_tells_the_scores_of_the_first_fold_as_they_grow(make_spec, rows):
    spec = with_rounds(make_spec, "lightgbm.LGBMClassifier", 20)
    folds, told = plan_folds(rows, spec), {}
    found = cross_validate(spec, rows, folds, in_first_fold=lambda part, score: told.update({part: score}))
    assert list(told) == list(range(1, 10))
    half = cross_validate(with_rounds(make_spec, "lightgbm.LGBMClassifier", 10), rows, folds[:1])
    assert told[5] == pytest.approx(half.scores[spec.evaluation.primary].mean)
    assert len(found.scores[spec.evaluation.primary].folds) == len(folds)
