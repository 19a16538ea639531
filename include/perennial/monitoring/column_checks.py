"""The checks of a batch's columns: numbers, categories, and the champion's answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from perennial.drift import ChiSquare, DriftReport, KolmogorovSmirnov
from perennial.monitoring.champion_model import load_champion, score_rows
from perennial.monitoring.records import CheckResult, OpenCheck
from perennial.monitoring.reference import SCORE, load_reference
from perennial.monitoring.rows import read_rows
from perennial.outcomes import Champion
from perennial.run import MonitorRun
from perennial.spec.monitoring import CheckName, Drift, Monitoring
from perennial.training.transform import features_of


def check_numbers(run: MonitorRun, check: OpenCheck) -> CheckResult:
    """Compare the batch's numeric features with those of the training rows: Kolmogorov-Smirnov."""
    return _check(run, check, "ks", lambda champion: load_reference(run, champion).numeric, _features)


def check_categories(run: MonitorRun, check: OpenCheck) -> CheckResult:
    """Compare the batch's categorical features with those of the training rows: chi-square."""
    return _check(run, check, "categorical", lambda champion: load_reference(run, champion).categorical, _features)


def check_predictions(run: MonitorRun, check: OpenCheck) -> CheckResult:
    """Compare the champion's scores on the batch with those on its holdout: Kolmogorov-Smirnov."""
    return _check(run, check, "predictions", lambda champion: load_reference(run, champion).predictions, _scores)


def _features(run: MonitorRun, _champion: Champion, rows: pd.DataFrame) -> pd.DataFrame:
    features = features_of(run.spec, rows)
    entity = (run.spec.monitoring or Monitoring()).drift.entity
    return features.assign(**{entity: rows[entity]}) if entity else features


def _scores(run: MonitorRun, champion: Champion, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({SCORE: score_rows(load_champion(run, champion), rows).score})


def _check(
    run: MonitorRun,
    check: OpenCheck,
    name: CheckName,
    reference: Callable[[Champion], KolmogorovSmirnov | ChiSquare],
    columns: Callable[[MonitorRun, Champion, pd.DataFrame], pd.DataFrame],
) -> CheckResult:
    if check.champion is None:
        return CheckResult(check=name, status="not tested", sentence=f"{name}: not tested, there is no champion.")
    if check.batch is None:
        return CheckResult(check=name, status="not tested", sentence=f"{name}: not tested, there are no new rows.")
    drift = (run.spec.monitoring or Monitoring()).drift
    rows = read_rows(run.store, check.batch)
    report = reference(check.champion).compare(
        columns(run, check.champion, rows), level=drift.level, effect_floor=drift.effect_floor
    )
    return judge_columns(name, report if run.spec.region is None else without_values(report), drift)


def without_values(report: DriftReport) -> DriftReport:
    """Quote no category: results go to Airflow and into alerts, which may stand outside the region of the rows."""
    columns = (
        column.model_copy(
            update={
                "unseen": (),
                "sentence": f"shares differ ({column.effect:.3f}); {column.unseen_rows:,} rows with new values",
            }
        )
        if column.test == "chi_square" and column.effect
        else column
        for column in report.columns
    )
    return report.model_copy(update={"columns": tuple(columns)})


def judge_columns(name: CheckName, report: DriftReport, drift: Drift) -> CheckResult:
    """Say whether enough columns have drifted for the check to fire."""
    tested = [column for column in report.columns if column.tested]
    if not report.columns:
        return CheckResult(
            check=name, status="not tested", sentence=f"{name}: not tested, the spec has no such columns."
        )
    if not tested and not report.drifted:
        return CheckResult(
            check=name,
            status="not tested",
            sentence=f"{name}: not tested, {report.columns[0].reason}.",
            columns=report.columns,
        )
    # Predictions are one column: it drifts or not, whatever number of features the spec asks for.
    needed = 1 if name == "predictions" else (drift.min_columns or 1)
    if drift.min_share is not None and name != "predictions":
        needed = max(1, math.ceil(drift.min_share * len(tested)))
    largest = report.largest
    return CheckResult(
        check=name,
        status="fired" if len(report.drifted) >= needed else "quiet",
        sentence=f"{name}: {report.sentence}.",
        figures={
            "tested": len(tested),
            "drifted": len(report.drifted),
            "needed": needed,
            "largest_column": largest.column if largest else None,
            "largest_effect": largest.effect if largest else None,
        },
        columns=report.columns,
    )
