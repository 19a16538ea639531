"""What a candidate relies on, beside the champion."""

from __future__ import annotations

from perennial.evaluation.records import Interval
from perennial.record import Figure, Record

PREDICTION = "prediction"
"""Stands for the label in what is said of a regression."""


class Importance(Record):
    """How much the models rely on a feature, or on several that tell the same."""

    features: tuple[str, ...]
    """By the user's names; several are correlated and were permuted together."""
    candidate: Interval
    """By how much the metric gets worse without them."""
    champion: Interval | None = None
    """The same of the champion; None: there is none, it does not read all of them, or the time was over."""
    moved: Interval | None = None
    """The candidate's importance less the champion's."""

    @property
    def name(self) -> str:
        """The features in one text."""
        return ", ".join(self.features)

    @property
    def has_moved(self) -> bool:
        """Whether the two models' importances differ beyond chance."""
        return self.moved is not None and (self.moved.low > 0 or self.moved.high < 0)


class ShapImportance(Record):
    """Mean size of a feature's SHAP values."""

    features: tuple[str, ...]
    """Several: the estimator reads numbers that were made of all of them."""
    size: Figure
    """In the unit that `Explanations.shap_of` says."""
    share: float
    """Of the sum over all features, 0 to 1."""

    @property
    def name(self) -> str:
        """The features in one text."""
        return ", ".join(self.features)


class Dependence(Record):
    """The mean prediction if a feature had the same value in all rows."""

    feature: str
    values: tuple[str, ...]
    """As text, in their order."""
    numbers: tuple[Figure, ...] = ()
    """The same as numbers, for an axis; empty for categories and times."""
    curves: dict[str, tuple[Figure, ...]]
    """Label -> its mean probability at each value; in a regression, `prediction` -> the mean number."""


class Unseen(Record):
    """Values of a feature in the held-out rows that the training rows do not have."""

    feature: str
    share: float
    """Of the held-out rows, 0 to 1."""
    found: str
    """Which, in words."""


class Explanations(Record):
    """What drives a candidate. A measurement that is not there is named in `left_out`, with the reason."""

    mlflow_run_id: str
    """MLflow run of the candidate."""
    champion: str | None = None
    """Version of the champion beside it; None: there is none."""
    metric: str
    rows: int
    """Held-out rows that were permuted."""
    importances: tuple[Importance, ...] = ()
    """The largest first."""
    shap: tuple[ShapImportance, ...] = ()
    """The largest first."""
    shap_of: str = ""
    """What the SHAP values add up to, and by how many rows; empty: there are none."""
    dependence: tuple[Dependence, ...] = ()
    """Of the features with the largest importances."""
    unseen: tuple[Unseen, ...] = ()
    left_out: tuple[str, ...] = ()
    """What was not measured, and why."""

    def importance_of(self, feature: str) -> Importance | None:
        """Return the importance of a feature, or of the group that it is in."""
        return next((one for one in self.importances if feature in one.features), None)
