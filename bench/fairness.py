"""What mitigation does to a model of the flights: how differently carriers are treated, and how good it is, before and after.

    python -m bench.fairness [--rows N] [--estimator PATH] [--column COLUMN]

The rows are the flights from New York of January to April 2013, or N of them that are spread evenly; the last quarter is held out.
Groups are the carriers with enough rows. By hand means Fairlearn around the same prepared rows, with its labels drawn by
chance: the mean over 20 draws. Differences are the largest between any two groups with at least 100 held-out rows. ROC AUC is
the demo's primary metric; Fairlearn's predictions are labels, which have none.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference, true_positive_rate_difference
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from bench.cross_validation import DEMO
from demo.flights import month_of_flights
from perennial.models.by_group import groups_of
from perennial.spec import ModelSpec, load_spec
from perennial.training.fit import prepare_fit
from perennial.training.mitigation.groups import training_groups
from perennial.training.pipeline import build_pipeline

LOGISTIC = "sklearn.linear_model.LogisticRegression"
DRAWS, FEWEST = 20, 100
PARITY, OPPORTUNITY, ODDS = "demographic_parity", "equal_opportunity", "equalized_odds"
DIFFERENCES: dict[str, Callable[..., float]] = {
    PARITY: demographic_parity_difference,
    OPPORTUNITY: true_positive_rate_difference,
    ODDS: equalized_odds_difference,
}
QUALITY = ("roc_auc", "balanced_accuracy", "accuracy")
SETTINGS: dict[str, dict[str, str] | None] = {
    "as it is": None,
    "reweighting": {"method": "reweighting"},
    "reductions, parity": {"method": "reductions", "constraint": PARITY},
    "reductions, odds": {"method": "reductions", "constraint": ODDS},
    "threshold, parity": {"method": "threshold", "constraint": PARITY},
    "threshold, opportunity": {"method": "threshold", "constraint": OPPORTUNITY},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, help="0: all")
    parser.add_argument("--estimator", default=LOGISTIC)
    parser.add_argument("--column", default="carrier")
    asked = parser.parse_args()
    train, holdout = flights(asked.rows)
    print(f"{len(train):,} training rows, {len(holdout):,} held out, {holdout['late'].mean():.1%} of them late")
    print(f"{'':30}" + "".join(f"{name:>20}" for name in (*DIFFERENCES, *QUALITY)) + f"{'s':>8}")
    for name, settings in SETTINGS.items():
        spec, began = mitigated(asked.estimator, asked.column, settings), time.perf_counter()
        fit = prepare_fit(spec, train)
        fit.run()
        said = fit.model.predict(holdout)
        show(name, holdout, asked.column, [said.values], time.perf_counter() - began, said.probabilities)
    plain = mitigated(asked.estimator, asked.column, {"method": "reweighting"})
    for name, make in BY_HAND.items():
        began = time.perf_counter()
        said = by_hand(make, plain, train, holdout)
        show(f"by hand: {name}", holdout, asked.column, said, time.perf_counter() - began)


def flights(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and held-out rows with a label, in order of time."""
    all_rows = pd.concat([month_of_flights(month) for month in (1, 2, 3, 4)], ignore_index=True)
    labelled = all_rows[all_rows["late"].notna()].astype({"late": "int64"})
    step = max(1, len(labelled) // rows) if rows else 1
    chosen = labelled.iloc[::step].reset_index(drop=True)
    end = len(chosen) * 3 // 4
    return chosen.iloc[:end], chosen.iloc[end:]


def mitigated(estimator: str, column: str, settings: dict[str, str] | None) -> ModelSpec:
    spec = load_spec(DEMO)
    content = spec.model_dump(exclude_unset=True)
    # Balanced, or hardly a flight is called late, and all carriers are alike in that.
    reduced = settings is not None and settings["method"] == "reductions"
    content["model"] = {
        "estimator": estimator,
        "params": {"class_weight": "balanced"} | ({"max_iter": 300} if estimator == LOGISTIC else {}),
        "mitigation": settings and {"column": column, **settings},
    }
    if settings and settings["method"] == "threshold":
        content["model"]["imbalance"] = {"threshold": "balanced_accuracy"}
    if reduced:
        # Costs of errors are the reductions' own.
        content["model"]["params"].pop("class_weight")
    return ModelSpec.model_validate(content)


BY_HAND: dict[str, Any] = {
    "reductions, parity": lambda estimator: ExponentiatedGradient(estimator, DemographicParity(), max_iter=20),
    "reductions, odds": lambda estimator: ExponentiatedGradient(estimator, EqualizedOdds(), max_iter=20),
    "threshold, parity": lambda estimator: ThresholdOptimizer(
        estimator=estimator, objective="balanced_accuracy_score", predict_method="predict_proba"
    ),
}


def by_hand(make: Any, spec: ModelSpec, train: pd.DataFrame, holdout: pd.DataFrame) -> list[np.ndarray]:
    """Return the labels of some draws for the held-out rows."""
    pipeline, inputs = build_pipeline(spec), list(spec.features.input_columns)
    learnt = dense(pipeline[:-1].fit_transform(train[inputs], train["late"]))
    tested, labels = dense(pipeline[:-1].transform(holdout[inputs])), train["late"].to_numpy()
    groups = training_groups(spec, train, labels)
    now = groups_of(holdout[spec.mitigated_column])
    now = np.where(np.isin(now, groups), now, groups[0])
    model = make(pipeline[-1])
    with warnings.catch_warnings(action="ignore"):
        model.fit(learnt, labels, sensitive_features=groups)
        more = {"sensitive_features": now} if isinstance(model, ThresholdOptimizer) else {}
        return [model.predict(tested, random_state=draw, **more) for draw in range(DRAWS)]


def dense(prepared: Any) -> np.ndarray:
    return prepared.toarray() if hasattr(prepared, "toarray") else np.asarray(prepared)


def show(
    name: str,
    holdout: pd.DataFrame,
    column: str,
    drawn: list[np.ndarray],
    seconds: float,
    probabilities: np.ndarray | None = None,
) -> None:
    truth, groups = holdout["late"].to_numpy(), groups_of(holdout[column])
    large = pd.Series(groups).map(pd.Series(groups).value_counts()).to_numpy() >= FEWEST
    figures = [
        np.mean([measure(truth[large], said[large], sensitive_features=groups[large]) for said in drawn])
        for measure in DIFFERENCES.values()
    ]
    figures.append(np.nan if probabilities is None else roc_auc_score(truth, probabilities[:, 1]))
    figures += [
        np.mean([measure(truth, said) for said in drawn]) for measure in (balanced_accuracy_score, accuracy_score)
    ]
    print(f"{name:30}" + "".join(f"{figure:20.4f}" for figure in figures) + f"{seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
