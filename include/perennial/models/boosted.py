"""The estimators of LightGBM, XGBoost and CatBoost in the form of scikit-learn's, and without their wrappers once they are fitted.

The libraries' own wrappers hold Python objects that only pickle can store. A fitted one here holds the native booster,
which has a file format of its own, and plain data: the labels and which columns are categories.

Categories are the numbers of an ordinal encoder that was fitted on the training rows; NaN, which an unseen category
becomes too, is missing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import get_tags

from perennial.models.catboost_library import CatBoost
from perennial.models.xgboost_library import XGBoost

if TYPE_CHECKING:
    from numpy.typing import NDArray


AfterRound = Callable[[Any], None]
"""Is called with the native booster after each round of a fit."""


_USUAL_ROUNDS = 100
"""What LightGBM and XGBoost make unless they are told."""


class Library(Protocol):
    """What is done with a boosting library."""

    file: str
    """Name of the file that a booster is written to."""
    extra: str
    """The extra of Perennial that it comes with."""
    names_of_rounds: Sequence[str]
    """Names of the parameter for the number of rounds; the last is the one that it has unless another is given."""
    continues: bool
    """Whether a booster can learn on, round after round; if not, `fit` takes neither `start` nor `after_round`."""

    def fit(
        self,
        estimator: Any,
        x: Any,
        y: Any,
        weights: Any,
        categories: Sequence[int],
        start: Any = None,
        after_round: AfterRound | None = None,
    ) -> Any:
        """Fit the library's own estimator, on from a native booster if one is given; return the native booster."""

    def made(self, booster: Any) -> int:
        """Return how many rounds a native booster has."""

    def stop_early(
        self, estimator: Any, rows: Any, tested: Any, patience: int, categories: Sequence[int]
    ) -> tuple[int, dict[str, Any]]:
        """Return after how many rounds the tested rows' loss is lowest, if it does not fall for `patience` rounds.

        Also the other parameters without which so many rounds would not be the same ones.
        """

    def predict(self, booster: Any, x: Any, categories: Sequence[int]) -> NDArray[np.float64]:
        """Return what the booster gives: numbers, probabilities of the second label, or of each label."""

    def write(self, booster: Any) -> bytes:
        """Return the booster's file."""

    def read(self, content: bytes) -> Any:
        """Return the booster of a file."""


class LightGBM:
    """LightGBM: its models are text."""

    file = "booster.txt"
    extra = "boosting"
    names_of_rounds: Sequence[str] = (
        "num_iterations", "num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds", "nrounds",
        "num_boost_round", "max_iter", "n_estimators",
    )  # fmt: skip
    continues = True

    def fit(
        self,
        estimator: Any,
        x: Any,
        y: Any,
        weights: Any,
        categories: Sequence[int],
        start: Any = None,
        after_round: AfterRound | None = None,
    ) -> Any:
        """See Library."""
        estimator.set_params(**self._quiet(estimator))
        callbacks = None if after_round is None else [lambda state: after_round(state.model)]
        told = {"init_model": start, "callbacks": callbacks, **self._told(categories)}
        return estimator.fit(x, y, sample_weight=weights, **told).booster_

    def made(self, booster: Any) -> int:
        """See Library."""
        return int(booster.current_iteration())

    def stop_early(
        self, estimator: Any, rows: Any, tested: Any, patience: int, categories: Sequence[int]
    ) -> tuple[int, dict[str, Any]]:
        """See Library."""
        from lightgbm import early_stopping

        (x, y, weights), (tested_x, tested_y, tested_weights) = rows, tested
        estimator.set_params(**self._quiet(estimator)).fit(
            x,
            y,
            sample_weight=weights,
            eval_X=tested_x,
            eval_y=tested_y,
            eval_sample_weight=None if tested_weights is None else [tested_weights],
            callbacks=[early_stopping(patience, verbose=False)],
            **self._told(categories),
        )
        return int(estimator.best_iteration_), {}

    def predict(self, booster: Any, x: Any, categories: Sequence[int]) -> NDArray[np.float64]:  # noqa: ARG002
        """See Library."""
        return np.asarray(booster.predict(x), dtype=np.float64)

    def write(self, booster: Any) -> bytes:
        """See Library."""
        return str(booster.model_to_string()).encode()

    def read(self, content: bytes) -> Any:
        """See Library."""
        from lightgbm import Booster

        return Booster(model_str=content.decode())

    def _told(self, categories: Sequence[int]) -> dict[str, list[int]]:
        return {"categorical_feature": list(categories)} if categories else {}

    def _quiet(self, estimator: Any) -> dict[str, int]:
        """Return the setting without which it writes to standard output, unless the spec has it."""
        return {} if "verbosity" in estimator.get_params() else {"verbosity": -1}


LIBRARIES: Mapping[str, Library] = {"catboost": CatBoost(), "lightgbm": LightGBM(), "xgboost": XGBoost()}
"""Package -> what is done with it."""


def library_of(kind: type) -> str | None:
    """Return the boosting library that a class is of; None: it is of another."""
    package = kind.__module__.partition(".")[0]
    return package if package in LIBRARIES else None


class Boosted(BaseEstimator):  # type: ignore[misc]
    """A booster as scikit-learn's estimator: the part of what is predicted that classifier and regressor share.

    Parameters
    ----------
    estimator : estimator
        The library's own, with the spec's parameters; None: the booster was read from a file.
    categories : sequence of int
        The columns that are categories.
    """

    def __init__(self, estimator: Any = None, categories: Sequence[int] = ()) -> None:
        self.estimator = estimator
        self.categories = categories

    def keep(self, library: str, booster: Any, columns: int) -> Self:
        """Take over a fitted booster of a number of columns."""
        self.library_, self.booster_, self.n_features_in_ = library, booster, columns
        return self

    def fit_from(self, start: bytes | None, after_round: AfterRound, x: Any, y: Any, weights: Any) -> Self:
        """Fit as `fit` does, told after each round.

        Parameters
        ----------
        start : bytes or None
            File of a booster with the first rounds of the same fit; None: there are none.
        after_round : callable
            Takes the native booster; what it raises ends the fit.
        x, y, weights
            As for `fit`.
        """
        library, target = self._library(), self._target(y)
        booster = None if start is None else library.read(start)
        left = self.asked_rounds - (0 if booster is None else library.made(booster))
        if left > 0:
            estimator = clone(self.estimator).set_params(**{self._name_of_rounds: left})
            booster = library.fit(estimator, x, target, weights, self.categories, booster, after_round)
        return self.keep(self._library_name, booster, x.shape[1])

    def add_rounds(self, x: Any, y: Any, weights: Any, rounds: int) -> None:
        """Fit the booster on, by so many rounds on prepared features; it keeps those that it has."""
        estimator = clone(self.estimator).set_params(**{self._name_of_rounds: rounds})
        start, target = self.booster_, self._target(y)
        self.booster_ = self._library().fit(estimator, x, target, weights, self.categories, start)

    def stop_early(self, rows: tuple[Any, Any, Any], tested: tuple[Any, Any, Any], patience: int) -> int:
        """Find how many rounds are best for tested rows, set that number for the next fit, and return it.

        Parameters
        ----------
        rows, tested : tuple
            Prepared features, target, and weights or None.
        patience : int
            Rounds without a lower loss of the tested rows after which no more are made.
        """
        (x, y, weights), (tested_x, tested_y, tested_weights) = rows, tested
        rounds, others = self._library().stop_early(
            clone(self.estimator),
            (x, self._target(y), weights),
            (tested_x, self._target(tested_y), tested_weights),
            patience,
            self.categories,
        )
        self.estimator.set_params(**others)
        self.ask(rounds)
        return rounds

    def ask(self, rounds: int) -> None:
        """Set the number of rounds of the next fit."""
        self.estimator.set_params(**{self._name_of_rounds: rounds})

    @property
    def continues(self) -> bool:
        """Whether the library can go on from a booster."""
        return self._library().continues

    @property
    def asked_rounds(self) -> int:
        """The number of rounds of the next fit."""
        given = self.estimator.get_params().get(self._name_of_rounds)
        return _USUAL_ROUNDS if given is None else int(given)

    @property
    def _name_of_rounds(self) -> str:
        given, names = self.estimator.get_params(), self._library().names_of_rounds
        return next((name for name in names if given.get(name) is not None), names[-1])

    def _fit(self, x: Any, y: Any, weights: Any) -> Self:
        booster = self._library().fit(clone(self.estimator), x, self._target(y), weights, self.categories)
        return self.keep(self._library_name, booster, x.shape[1])

    def _library(self) -> Library:
        return LIBRARIES[self._library_name]

    @property
    def _library_name(self) -> str:
        return str(library_of(type(self.estimator)) if self.estimator is not None else self.library_)

    def _target(self, y: Any) -> Any:
        return y

    def _raw(self, x: Any) -> NDArray[np.float64]:
        return LIBRARIES[self.library_].predict(self.booster_, x, self.categories)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


class BoostedClassifier(ClassifierMixin, Boosted):  # type: ignore[misc]
    """A booster of two labels or more, of any kind."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's names
        """Fit the booster on prepared features."""
        self.classes_ = np.unique(y)
        return self._fit(X, y, sample_weight)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each label, shape (n, k)."""
        raw = self._raw(X)
        return np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Return the likeliest label of each row, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _target(self, y: Any) -> Any:
        """Return the labels as numbers from 0 on, as XGBoost wants them."""
        self.classes_ = getattr(self, "classes_", np.unique(y))
        return np.searchsorted(self.classes_, y)


class BoostedRegressor(RegressorMixin, Boosted):  # type: ignore[misc]
    """A booster of numbers."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Fit the booster on prepared features."""
        return self._fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Return a number for each row, shape (n,)."""
        return self._raw(X)


def missing_extra(package: str) -> str:
    """Return the advice for a boosting library that is not installed; '' if it is, or is none."""
    if package not in LIBRARIES:
        return ""
    try:
        importlib.import_module(package)
    except ImportError:
        extra = LIBRARIES[package].extra
        return f"it comes with the extra {extra}: pip install 'perennial[{extra}]'"
    return ""
