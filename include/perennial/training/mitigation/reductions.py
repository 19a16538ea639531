"""Fits several models at other costs of errors, so that together they treat groups alike: reductions, by Fairlearn."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from fairlearn.reductions import (
    DemographicParity,
    EqualizedOdds,
    ExponentiatedGradient,
    FalsePositiveRateParity,
    TruePositiveRateParity,
)
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.preprocessing import LabelEncoder

from perennial.data.labels import positive_label
from perennial.models.predictions import as_labels
from perennial.printable import PrintableLog
from perennial.training.imbalance.calibration import calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

_NEGLIGIBLE = 1e-6
_JUST_ABOVE = 1e-9
_STEP = np.array([0, 0, 1, 1])
_MOST_STEPS = 20


def fit_reduced(
    spec: ModelSpec, estimator: Any, prepared: Any, labels: NDArray[Any], groups: NDArray[np.object_]
) -> VotingClassifier:
    """Fit models that together satisfy the spec's constraint on the training rows, and return them as one classifier.

    The exponentiated gradient of Agarwal et al. (2018) finds models and weights. In the paper, each label is that of a
    model drawn by chance. Here a row's probability is the chance of that, the weighted share of the models that say so, and
    its label is what most say, so that the same row always gets the same answer. The constraint then holds less exactly:
    how far is measured by `evaluation.fairness`.

    Parameters
    ----------
    spec : ModelSpec
    estimator : classifier
        With a decision function or probabilities. It is not fitted itself, but copies of it are.
    prepared : array or sparse matrix of shape (n, columns)
    labels : array of shape (n,)
        The target, with two labels.
    groups : array of shape (n,)

    Returns
    -------
    sklearn.ensemble.VotingClassifier
        Of scikit-learn's own types alone, so that it is kept and served as any other.
    """
    encoder = LabelEncoder().fit(labels)
    codes = encoder.transform(labels)
    dense = prepared.toarray() if hasattr(prepared, "toarray") else np.asarray(prepared)
    search = ExponentiatedGradient(estimator, _constraint(spec, as_labels(encoder.classes_)), max_iter=_MOST_STEPS)
    with warnings.catch_warnings():
        # Fairlearn uses pandas in a way that will change.
        for category in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        search.fit(dense, codes, sensitive_features=groups)
    chosen = search.weights_[search.weights_ > _NEGLIGIBLE]
    members = [(f"model_{place}", _certain(search.predictors_[place])) for place in chosen.index]
    log.info("reductions: %d of %d fitted models serve together", len(members), search.n_oracle_calls_)
    together = VotingClassifier(members, voting="soft", weights=chosen.tolist())
    # What its fit would set, if it did not fit its members itself.
    together.estimators_ = [model for _, model in members]
    together.le_, together.classes_ = encoder, encoder.classes_
    return together


def _constraint(spec: ModelSpec, labels: tuple[Any, ...]) -> Any:
    mitigation = spec.model.mitigation
    assert mitigation is not None  # noqa: S101 - the spec asks for reductions
    if mitigation.constraint == "demographic_parity":
        return DemographicParity()
    if mitigation.constraint == "equalized_odds":
        return EqualizedOdds()
    # Fairlearn's positive label is the second one.
    return TruePositiveRateParity() if positive_label(spec, labels) == labels[1] else FalsePositiveRateParity()


def _certain(model: Any) -> Any:
    """Return a model of the labels 0 and 1 whose probability of each label is 0 or 1."""
    if isinstance(model, DummyClassifier):
        # It always says the same, and knows of no other label.
        always = int(model.constant)
        return DummyClassifier(strategy="prior").fit(np.zeros((2, 1)), [0, 1], sample_weight=[1 - always, always])
    # An isotonic calibrator is a step, if it learns from two responses on either side of where the label changes.
    if hasattr(model, "decision_function"):
        certain, _ = calibrate(model, "isotonic", np.array([[-1.0], [0.0], [_JUST_ABOVE], [1.0]]), _STEP)
    else:
        above = np.array([0.0, 0.5, 0.5 + _JUST_ABOVE, 1.0])
        certain, _ = calibrate(model, "isotonic", np.column_stack([1 - above, above]), _STEP)
    return certain
