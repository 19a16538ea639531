"""The tests of a batch's columns: numbers, categories, and the champion's predictions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import pandas as pd

from perennial.drift import DriftReport
from perennial.drift.charts.chart_state import ChartState
from perennial.drift.columns.column_test import ColumnTest
from perennial.errors import ChampionUnusable
from perennial.monitoring.drift_tests.compared import compared_columns
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.reference import SCORE, Reference
from perennial.monitoring.records import DriftTestResult, OpenCheck
from perennial.monitoring.state import load_state
from perennial.registry.records import Champion
from perennial.spec.monitoring import Drift, DriftTestName


def measure_numbers(reader: CheckReader, check: OpenCheck) -> DriftTestResult:
    """Compare the batch's numeric features with those of the champion's training rows: Kolmogorov-Smirnov."""
    return _test(reader, check, "ks", lambda reference: reference.numeric, _features_of(reader, "numeric"))


def measure_categories(reader: CheckReader, check: OpenCheck) -> DriftTestResult:
    """Compare the batch's categorical features with those of the champion's training rows: chi-square."""
    return _test(
        reader, check, "categorical", lambda reference: reference.categorical, _features_of(reader, "categorical")
    )


def measure_predictions(reader: CheckReader, check: OpenCheck) -> DriftTestResult:
    """Compare the scores of the champion's twin on the batch with those on its holdout: Kolmogorov-Smirnov."""
    return _test(
        reader,
        check,
        "predictions",
        lambda reference: reference.predictions,
        lambda champion, key: pd.DataFrame({SCORE: reader.scored_by_twin(champion, key).score}),
    )


def _features_of(
    reader: CheckReader, kind: Literal["numeric", "categorical"]
) -> Callable[[Champion, str], pd.DataFrame]:
    """Return a function of champion and key of rows that returns what a test compares of the champion's features."""
    drift = reader.run.spec.watch.drift

    def features(champion: Champion, key: str) -> pd.DataFrame:
        names = compared_columns(reader.manifest(champion), kind, drift.exclude)
        made = reader.features(champion, key, names)
        return made.assign(**reader.rows(key, [drift.entity])) if drift.entity else made

    return features


def _test(
    reader: CheckReader,
    check: OpenCheck,
    name: DriftTestName,
    before: Callable[[Reference], ColumnTest | None],
    now: Callable[[Champion, str], pd.DataFrame],
) -> DriftTestResult:
    if check.champion is None or check.incomparable:
        return DriftTestResult(test=name, status="not tested", sentence=f"{name}: not tested, {check.incomparable}.")
    if check.batch is None:
        return DriftTestResult(test=name, status="not tested", sentence=f"{name}: not tested, there are no new rows.")
    drift, reference = reader.run.spec.watch.drift, reader.reference(check.champion)
    prepared = before(reference)
    if prepared is None:
        raise ChampionUnusable(reference.no_features)
    batch, learnt = now(check.champion, check.batch), None
    if drift.effect_floor == "auto":
        earlier = _learnt_before(reader, check, name, reference)
        ordinary, learnt = reference.charts[name].judge(batch, earlier, level=drift.level)
        report = prepared.compare(batch, level=drift.level, ordinary=ordinary)
    else:
        report = prepared.compare(batch, level=drift.level, effect_floor=drift.effect_floor)
    if name != "predictions":
        report = _explained(report, reader.unlike(check.champion, check.batch, prepared.columns))
    found = judge_columns(name, report if reader.run.spec.region is None else without_values(report), drift)
    return found.model_copy(update={"chart": learnt})


def _learnt_before(reader: CheckReader, check: OpenCheck, name: DriftTestName, reference: Reference) -> ChartState:
    """Return the chart's state before the check; empty if the champion or the reference is new."""
    state, _ = load_state(reader.run.store, reader.run.spec.name)
    kept = state.charts.get(name)
    champion = check.champion.version if check.champion else None
    if kept is None or kept.reference != reference.folder or state.champion_version != champion:
        return ChartState(reference=reference.folder)
    return kept


def _explained(report: DriftReport, unlike: dict[str, str]) -> DriftReport:
    """Replace the reasons of columns that the batch lacks or has in another type by those in `unlike`."""
    columns = (
        column.model_copy(update={"reason": unlike[column.column]}) if column.column in unlike else column
        for column in report.columns
    )
    return report.model_copy(update={"columns": tuple(columns)})


def without_values(report: DriftReport) -> DriftReport:
    """Return the report without categories, since Airflow and alerts may be outside the region of the rows."""
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


def judge_columns(name: DriftTestName, report: DriftReport, drift: Drift) -> DriftTestResult:
    """Return the result of a test: it fires if enough columns have drifted."""
    tested = [column for column in report.columns if column.tested]
    if not report.columns:
        return DriftTestResult(
            test=name, status="not tested", sentence=f"{name}: not tested, the champion has no such features."
        )
    if not tested and not report.drifted:
        return DriftTestResult(
            test=name,
            status="not tested",
            sentence=f"{name}: not tested, {report.columns[0].reason}.",
            columns=report.columns,
        )
    # Predictions are one column, so the spec's number of columns does not apply.
    needed = 1 if name == "predictions" else (drift.min_columns or 1)
    if drift.min_share is not None and name != "predictions":
        needed = max(1, math.ceil(drift.min_share * len(tested)))
    largest = report.largest
    return DriftTestResult(
        test=name,
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
        broken=report.broken,
    )
