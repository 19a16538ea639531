"""Class weights, costs, calibration and threshold, as they go into a model."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import f1_score
from sklearn.utils.class_weight import compute_class_weight

from perennial.data.folds import plan_folds
from perennial.errors import SpecError, TrainingError
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.formats.trusted_types import check_allowed
from perennial.models.predictions import identical
from perennial.registry.bundles import load_candidate
from perennial.registry.tracking import Tracker
from perennial.training.fit import prepare_fit
from perennial.training.imbalance.decision_evidence import uncalibrated
from perennial.training.train import train

TREE, LINEAR_SVC = "sklearn.tree.DecisionTreeClassifier", "sklearn.svm.LinearSVC"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
COSTS = {"labels": [0, 1], "matrix": [[0, 1], [20, 0]]}


def fitted(spec, rows):
    fit = prepare_fit(spec, rows)
    fit.run()
    return fit.model


def out_of_fold(spec, rows):
    """Return positions and models of the folds."""
    folds = plan_folds(rows, spec)
    return [(fold.test, fitted(spec, rows.iloc[fold.train])) for fold in folds]


@pytest.mark.parametrize("given", ["balanced", [{"label": 0, "weight": 1.0}, {"label": 1, "weight": 5.0}]])
def test_class_weights_are_those_of_scikit_learn(make_spec, rows, given):
    weights = (
        compute_class_weight("balanced", classes=np.array([0, 1]), y=rows["label"])
        if given == "balanced"
        else [1.0, 5.0]
    )
    ours = fitted(make_spec(model={"imbalance": {"class_weights": given}}), rows)
    theirs = fitted(make_spec(model={"params": {"class_weight": dict(enumerate(weights))}}), rows)
    np.testing.assert_allclose(ours.predict(rows).probabilities, theirs.predict(rows).probabilities, rtol=1e-6)


def test_class_weights_and_weights_of_rows_multiply(make_spec, rows):
    rows = rows.assign(w=np.where(rows["label"] == 1, 1.0, 3.0))
    by_label = [{"label": 0, "weight": 1.0}, {"label": 1, "weight": 3.0}]
    spec = make_spec(model={"weights": {"column": "w"}, "imbalance": {"class_weights": by_label}})
    assert prepare_fit(spec, rows).weights.tolist() == [3.0] * 400


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
@pytest.mark.parametrize("estimator", [LOGISTIC, TREE])
def test_the_calibrators_learn_from_rows_that_the_folds_models_have_not_seen(make_spec, rows, method, estimator):
    model = fitted(make_spec(estimator, model={"calibration": method}), rows)
    plain = make_spec(estimator)
    whole = fitted(plain, rows)
    responses, truth = [], []
    for tested, one in out_of_fold(plain, rows):
        prepared = one.pipeline[:-1].transform(rows.iloc[tested])
        estimator_ = one.pipeline[-1]
        responses.append(
            estimator_.decision_function(prepared)
            if hasattr(estimator_, "decision_function")
            else estimator_.predict_proba(prepared)[:, 1]
        )
        truth.append(rows["label"].to_numpy()[tested])
    responses, truth = np.concatenate(responses), np.concatenate(truth)

    expected = CalibratedClassifierCV(FrozenEstimator(whole.pipeline[-1]), method=method)
    expected.fit(whole.pipeline[:-1].transform(rows), rows["label"])
    calibrator = expected.calibrated_classifiers_[0].calibrators[0].fit(responses, truth)
    said = whole.pipeline[-1]
    prepared = whole.pipeline[:-1].transform(rows)
    own = said.decision_function(prepared) if hasattr(said, "decision_function") else said.predict_proba(prepared)[:, 1]
    np.testing.assert_allclose(model.predict(rows).probabilities[:, 1], calibrator.predict(own), rtol=1e-9)
    before = uncalibrated(model.pipeline).predict_proba(rows)
    np.testing.assert_array_equal(before, whole.pipeline.predict_proba(rows))


def test_three_labels_and_an_estimator_without_probabilities_are_calibrated(make_spec, rows):
    rows = rows.assign(word=np.where(rows["amount"] > 1, "high", np.where(rows["amount"] > 0, "middle", "low")))
    said = fitted(make_spec(LINEAR_SVC, target={"column": "word"}, model={"calibration": "sigmoid"}), rows).predict(
        rows
    )
    assert said.classes == ("high", "low", "middle")
    np.testing.assert_allclose(said.probabilities.sum(axis=1), 1)
    assert (said.values == rows["word"]).mean() > 0.6


def test_resampling_bends_probabilities_and_calibration_straightens_them(make_spec, rows):
    late = rows.index[rows["label"] == 1]
    rare = rows.drop(late[np.arange(len(late)) % 3 > 0])
    sampler = {"imbalance": {"resampling": {"sampler": "imblearn.under_sampling.RandomUnderSampler"}}}
    bent, straight = (
        fitted(make_spec(model={**sampler, "calibration": method}), rare).predict(rare).probabilities[:, 1].mean()
        for method in (None, "sigmoid")
    )
    share = rare["label"].mean()
    assert abs(straight - share) < abs(bent - share) / 3


def test_a_threshold_is_the_best_on_rows_that_the_folds_models_have_not_seen(make_spec, rows):
    threshold = fitted(make_spec(model={"imbalance": {"threshold": "f1"}}), rows).predict(rows).threshold
    parts = [
        (one.predict(rows.iloc[tested]).probabilities[:, 1], rows["label"].to_numpy()[tested])
        for tested, one in out_of_fold(make_spec(), rows)
    ]
    probability, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
    best = max(f1_score(truth, probability >= at) for at in np.unique(probability))
    assert (threshold.label, f1_score(truth, probability >= threshold.at)) == (1, pytest.approx(best))


def test_costs_move_the_threshold_to_where_fewer_costly_labels_are_missed(make_spec, rows):
    spec = make_spec(model={"imbalance": {"costs": COSTS, "threshold": "expected_cost"}})
    model, plain = fitted(spec, rows), fitted(make_spec(), rows)
    assert model.predict(rows).threshold.at < 0.3
    np.testing.assert_array_equal(model.predict(rows).probabilities, plain.predict(rows).probabilities)
    assert (model.predict(rows).values == 1).sum() > (plain.predict(rows).values == 1).sum()


@pytest.mark.parametrize("label", ["label", "word"])
def test_pipeline_and_file_say_what_the_model_says(make_spec, rows, tmp_path, label):
    rows = rows.assign(word=np.where(rows["label"] == 1, "late", "on time"))
    target = {"column": label, **({"positive": "late"} if label == "word" else {})}
    costs = COSTS if label == "label" else {"labels": ["on time", "late"], "matrix": COSTS["matrix"]}
    parts = {"calibration": "isotonic", "imbalance": {"costs": costs, "threshold": "expected_cost"}}
    spec = make_spec("sklearn.ensemble.HistGradientBoostingClassifier", target=target, model=parts)
    model = fitted(spec, rows)
    types = SkopsFormat().write(model, tmp_path / "model.skops")
    check_allowed(types, spec)
    read = SkopsFormat().read(tmp_path / "model.skops", types)
    assert identical(read.predict(rows), model.predict(rows))
    assert read.predict(rows).threshold == model.predict(rows).threshold
    assert (read.pipeline.predict(rows) == model.predict(rows).values).all()


def test_a_decided_model_goes_all_the_way(make_spec, rows, prepare):
    evaluation = {"holdout": {"fraction": 0.25}, "primary": "expected_cost"}
    parts = {"calibration": "sigmoid", "imbalance": {"costs": COSTS, "threshold": "expected_cost"}}
    run, snapshot = prepare(make_spec(model=parts, evaluation=evaluation), rows)
    candidate = train(run, snapshot)

    bundle = load_candidate(run, candidate.mlflow_run_id)
    assert bundle.manifest.threshold == bundle.predict(rows).threshold.at
    assert bundle.manifest.calibration == "sigmoid"
    client = Tracker(run.tracking_uri).client
    metrics = client.get_run(candidate.mlflow_run_id).data.metrics
    assert metrics["threshold"] == bundle.manifest.threshold
    assert metrics["brier.calibrated"] == bundle.manifest.baseline_scores["brier"] != metrics["brier.uncalibrated"]
    assert 0 < bundle.manifest.baseline_scores["expected_cost"] < 1
    assert [file.path for file in client.list_artifacts(candidate.mlflow_run_id, "decision")] == [
        "decision/reliability.png"
    ]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"imbalance": {"costs": {"labels": [0, 2], "matrix": [[0, 1], [1, 0]]}}},
            "does not name the label 1 of 'label'",
        ),
        ({"imbalance": {"class_weights": [{"label": 0, "weight": 2.0}]}}, "class_weights does not name the label 1"),
        ({"imbalance": {"threshold": "f1"}, "estimator": LINEAR_SVC}, "gives no probabilities: set model.calibration"),
    ],
)
def test_labels_and_estimators_that_do_not_fit_are_told(make_spec, rows, parts, said):
    with pytest.raises(TrainingError, match=said):
        fitted(make_spec(parts.pop("estimator", LOGISTIC), model=parts), rows)


def test_a_threshold_of_three_labels_is_told_before_the_fit(make_spec, rows):
    rows = rows.assign(word=np.where(rows["amount"] > 1, "high", np.where(rows["amount"] > 0, "middle", "low")))
    with pytest.raises(TrainingError, match="is for two labels, and 'word' has 3"):
        prepare_fit(make_spec(target={"column": "word"}, model={"imbalance": {"threshold": "f1"}}), rows)
    two = rows[rows["word"] != "high"]
    with pytest.raises(SpecError, match=r"target\.positive"):
        prepare_fit(make_spec(target={"column": "word"}, model={"imbalance": {"threshold": "f1"}}), two)


def test_too_few_rows_for_folds_are_told_before_the_fit(make_spec, rows):
    spec = make_spec(model={"calibration": "sigmoid"}, cross_validation={"folds": 2, "embargo_days": 30})
    with pytest.raises(TrainingError, match="calibration and threshold are chosen on folds of the training rows"):
        prepare_fit(spec, rows)


@pytest.mark.parametrize(
    ("imbalance", "said"),
    [
        ({"costs": {"labels": [0, 1], "matrix": [[0, 1]]}}, "2 labels need 2 rows of 2 costs"),
        ({"costs": {"labels": [0, 0], "matrix": [[0, 1], [1, 0]]}}, "a label occurs twice"),
        ({"costs": {"labels": [0, 1], "matrix": [[0, -1], [1, 0]]}}, "greater than or equal to 0"),
        ({"costs": {"labels": [False, True], "matrix": [[0, 1], [1, 0]]}}, "quote a label that is text"),
        ({"threshold": "expected_cost"}, "there are no costs"),
        ({"threshold": "roc_auc"}, "Input should be 'accuracy'"),
    ],
)
def test_contradictions_are_refused(make_spec, imbalance, said):
    with pytest.raises(ValidationError, match=said):
        make_spec(model={"imbalance": imbalance})


def test_a_metric_of_costs_needs_costs(make_spec):
    with pytest.raises(ValidationError, match=r"set model.imbalance.costs"):
        make_spec(evaluation={"holdout": {"fraction": 0.25}, "primary": "expected_cost"})
