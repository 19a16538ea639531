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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

_NEGLIGIBLE = 1e-6
_MOST_STEPS = 20


def fit_reduced(
    spec: ModelSpec, estimator: Any, prepared: Any, labels: NDArray[Any], groups: NDArray[np.object_]
) -> VotingClassifier:
    """Fit models that together satisfy the spec's constraint on the training rows, and return them as one classifier.

    The exponentiated gradient of Agarwal et al. (2018) finds models and weights. In the paper, each prediction is that of
    a model drawn by chance. Here a row's probability is the weighted mean of all of theirs, so that the same row always
    gets the same answer. The constraint then holds less exactly: how far is measured by `evaluation.fairness`.

    Parameters
    ----------
    spec : ModelSpec
    estimator : classifier
        It is not fitted itself, but copies of it are.
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
    members = [(f"model_{place}", _with_both_labels(search.predictors_[place])) for place in chosen.index]
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


def _with_both_labels(model: Any) -> Any:
    """Return a model as it is, but a constant one as one that knows that there are two labels."""
    if not isinstance(model, DummyClassifier):
        return model
    always = int(model.constant)
    return DummyClassifier(strategy="prior").fit(np.zeros((2, 1)), [0, 1], sample_weight=[1 - always, always])
