"""A champion's reference, with which the tests compare: prepared once from the rows that the champion came from."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.data.snapshots.read import load_manifest, read_snapshot
from perennial.data.split import apply_split, labelled_rows
from perennial.digests import reference_digest
from perennial.drift import ChiSquare, KolmogorovSmirnov, calibrate
from perennial.drift.charts.chart_file import load_chart, save_chart
from perennial.drift.charts.control_chart import ControlChart
from perennial.drift.columns.column_test import ColumnTest
from perennial.drift.loss_level import LossLevel
from perennial.errors import ChampionUnusable, DataError, TrainingError
from perennial.evaluation.slices.watched import SliceLevels
from perennial.layout import REFERENCE
from perennial.models.bundle import features_of
from perennial.models.manifest import Manifest
from perennial.monitoring.drift_tests.champion_model import score_rows, usable_bundle
from perennial.monitoring.drift_tests.compared import compared_columns, compared_values
from perennial.monitoring.drift_tests.slice_levels import levels_on_holdout, slice_columns
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.registry.records import Champion
from perennial.run import MonitorRun
from perennial.spec.monitoring import DriftTestName, Monitoring, Time
from perennial.store.checksum import checksum
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record, seal

log = PrintableLog(__name__)

NUMERIC, CATEGORICAL, PREDICTIONS = "numeric.npz", "categorical.npz", "predictions.npz"
CHARTS: Mapping[DriftTestName, str] = {
    "ks": "numeric-chart.npz",
    "categorical": "categorical-chart.npz",
    "predictions": "predictions-chart.npz",
}
SCORE = "prediction"
_FEWEST_BUDGET, _MOST_BUDGET = 1_000, 500_000
_ADVICE = "The reference is prepared again from the champion's snapshot"


class _Prepared(Record):
    """The record of a reference: everything except its files, and checksums of the files by name."""

    files: dict[str, str]
    no_features: str
    detector: dict[str, Any] | None
    no_detector: str
    level: LossLevel | None
    slices: SliceLevels | None = None


@dataclass(frozen=True)
class Reference:
    """A champion's reference.

    Attributes
    ----------
    folder : str
        Its folder in the store; each reference has its own.
    numeric : KolmogorovSmirnov or None
        Numeric features of the champion's training rows; None if `no_features` says why there are none.
    categorical : ChiSquare or None
        Categorical features of the same rows, or None.
    no_features : str
    predictions : KolmogorovSmirnov
        Scores of its twin on the holdout: on its own training rows a model is more certain than on new ones.
    charts : mapping of test to ControlChart
        How much the columns of each test usually change: features in all labelled rows of the snapshot, predictions
        on the holdout. Without charts of features if there are no features.
    detector : dict or None
        State of a new Page-Hinkley detector, calibrated on its twin's losses on the holdout, for the same reason; None
        if `no_detector` says why there is none.
    no_detector : str
    level : LossLevel or None
        Of its twin's losses on the holdout; None where they do not vary.
    slices : SliceLevels or None
        Of its twin on the holdout; None: the spec asks for no slices, or the snapshot lacks their columns.
    """

    folder: str
    numeric: KolmogorovSmirnov | None
    categorical: ChiSquare | None
    no_features: str
    predictions: KolmogorovSmirnov
    charts: Mapping[DriftTestName, ControlChart]
    detector: dict[str, Any] | None
    no_detector: str
    level: LossLevel | None
    slices: SliceLevels | None


def load_reference(run: MonitorRun, champion: Champion) -> Reference:
    """Return the champion's reference. It is prepared now if it is missing or damaged.

    Raises
    ------
    DataError
        The champion's snapshot is gone.
    BundleChanged, ChampionUnusable
        See `usable_bundle`; also if the champion's features cannot be made.
    Damaged
        The snapshot is damaged, and the reference is damaged or missing.
    """
    folder = prepare_reference(run, champion)
    try:
        return _load(run.store, folder)
    except (KeyNotFound, Damaged, DataError) as error:
        log.warning("the reference of champion v%s is prepared again: %s", champion.version, error)
    _prepare(run, champion, folder)
    return _load(run.store, folder)


def prepare_reference(run: MonitorRun, champion: Champion) -> str:
    """Prepare the champion's reference, unless that was done before; return its folder in the store.

    Raises
    ------
    DataError, BundleChanged, ChampionUnusable
        See `load_reference`.
    """
    folder = REFERENCE.folder(run.spec.name, reference_digest(run.spec, champion.bundle_digest)[:16])
    try:
        _prepared(run.store, folder)
    except KeyNotFound:
        _prepare(run, champion, folder)
    except Damaged as damage:
        log.warning("%s", damage)
        _prepare(run, champion, folder)
    return folder


def _prepared(store: Store, folder: str) -> _Prepared:
    return read_record(store, folder + REFERENCE.name, _Prepared, _ADVICE)


def _load(store: Store, folder: str) -> Reference:
    prepared = _prepared(store, folder)
    with ExitStack() as opened:
        paths = {name: opened.enter_context(_file(store, folder, name, prepared)) for name in prepared.files}
        if CHARTS["predictions"] not in paths:
            raise DataError("it was prepared by a version without control charts")
        return Reference(
            folder=folder,
            numeric=KolmogorovSmirnov.load(paths[NUMERIC]) if NUMERIC in paths else None,
            categorical=ChiSquare.load(paths[CATEGORICAL]) if CATEGORICAL in paths else None,
            no_features=prepared.no_features,
            predictions=KolmogorovSmirnov.load(paths[PREDICTIONS]),
            charts={test: load_chart(paths[name]) for test, name in CHARTS.items() if name in paths},
            detector=prepared.detector,
            no_detector=prepared.no_detector,
            level=prepared.level,
            slices=prepared.slices,
        )


def check_reference(store: Store, folder: str) -> None:
    """Raise Damaged or KeyNotFound if a file of a reference is not what was prepared, or is gone."""
    prepared = _prepared(store, folder)
    for name in prepared.files:
        with _file(store, folder, name, prepared):
            pass


@contextmanager
def _file(store: Store, folder: str, name: str, prepared: _Prepared) -> Iterator[Path]:
    with store.local_file(folder + name) as path:
        if checksum(path) != prepared.files.get(name):
            fault = f"is damaged: its content does not have the checksum that {REFERENCE.name} names"
            raise Damaged(f"{store.uri}/{folder}{name}", fault, _ADVICE)
        yield path


def _prepare(run: MonitorRun, champion: Champion, folder: str) -> None:
    began = time.perf_counter()
    bundle = usable_bundle(run, champion)
    manifest, watch = bundle.manifest, run.spec.watch
    learnt, holdout = _snapshot_rows(run, manifest, champion)
    no_features = _lacks_entity(watch, learnt, champion)
    scored = score_rows(bundle.twin, holdout, champion.name)
    losses = scored.losses(holdout[manifest.target])
    detector = loss_detector(watch, losses, holdout[manifest.split.event_time])
    with run.store.scratch() as scratch:
        tests: dict[str, ColumnTest] = {} if no_features else feature_tests(watch, manifest, learnt, champion)
        tests[PREDICTIONS] = KolmogorovSmirnov.fit(pd.DataFrame({SCORE: scored.score}), columns=[SCORE])
        newest = learnt if manifest.refit else pd.concat([learnt, holdout], ignore_index=True)
        charts = {} if no_features else feature_charts(watch, manifest, newest, champion)
        charts["predictions"] = ControlChart.of_numbers({SCORE: scored.score}, [SCORE])
        for name, test in tests.items():
            test.save(scratch / name)
        for of, chart in charts.items():
            save_chart(scratch / CHARTS[of], chart)
        files = {}
        for name in (*tests, *(CHARTS[of] for of in charts)):
            path = scratch / name
            files[name] = checksum(path)
            run.store.put_file(folder + name, path)
    # Written last, so that a reference with this record is complete.
    run.store.write(
        folder + REFERENCE.name,
        seal(
            _Prepared(
                files=files,
                no_features=no_features,
                level=LossLevel.of(losses),
                slices=levels_on_holdout(run.spec, holdout, manifest.target, scored.predictions),
                **detector,
            )
        ),
    )
    log.info(
        "prepared the reference of champion v%s from %d training and %d held-out rows in %.1f s",
        champion.version, len(learnt), len(holdout), time.perf_counter() - began,
    )  # fmt: skip


def feature_tests(
    watch: Monitoring, manifest: Manifest, rows: pd.DataFrame, champion: Champion
) -> dict[str, ColumnTest]:
    """Prepare the tests of a champion's features, by file name.

    Raises
    ------
    ChampionUnusable
        The features cannot be made.
    """
    entity = watch.drift.entity
    numeric, categorical = _compared(watch, manifest)
    features = _features(manifest, rows, champion, [*numeric, *categorical])
    if entity:
        features = features.assign(**{entity: rows[entity]})
    return {
        NUMERIC: KolmogorovSmirnov.fit(features, columns=numeric, entity=entity),
        CATEGORICAL: ChiSquare.fit(features, columns=categorical, entity=entity),
    }


def feature_charts(
    watch: Monitoring, manifest: Manifest, rows: pd.DataFrame, champion: Champion
) -> dict[DriftTestName, ControlChart]:
    """Return the charts of the features.

    Parameters
    ----------
    watch : Monitoring
    manifest : Manifest
    rows : pandas.DataFrame
        All labelled rows of the snapshot in the order of time, including those that the champion has not learnt from,
        since batches follow after them.
    champion : Champion

    Raises
    ------
    ChampionUnusable
        The features cannot be made.
    """
    numeric, categorical = _compared(watch, manifest)
    features = _features(manifest, rows, champion, [*numeric, *categorical])
    return {
        "ks": ControlChart.of_numbers(features, numeric),
        "categorical": ControlChart.of_labels(features, categorical),
    }


def _compared(watch: Monitoring, manifest: Manifest) -> tuple[list[str], list[str]]:
    """Return the numeric and the categorical columns that are compared: those of features that are not left out."""
    exclude = watch.drift.exclude
    return [*compared_columns(manifest, "numeric", exclude)], [*compared_columns(manifest, "categorical", exclude)]


def _lacks_entity(watch: Monitoring, rows: pd.DataFrame, champion: Champion) -> str:
    entity = watch.drift.entity
    if entity is None or entity in rows:
        return ""
    return (
        f"the rows that {champion.name} was trained on have no column {entity!r}, which monitoring.drift.entity names: "
        "retrain, so that there are rows with it to compare with"
    )


def loss_detector(monitoring: Monitoring, losses: Any, times: pd.Series) -> dict[str, Any]:
    """Return the fields `detector` and `no_detector` of a Reference, calibrated on losses in time order."""
    wanted = monitoring.page_hinkley
    if wanted is None:
        return {"detector": None, "no_detector": "the spec does not ask for a Page-Hinkley test"}
    try:
        budget = false_alarm_rows(wanted.one_false_alarm_in, times)
        calibrated = calibrate(losses, one_false_alarm_in=budget, shift=wanted.shift, times=times)
    except DataError as error:
        return {"detector": None, "no_detector": str(error)}
    return {"detector": calibrated.state(), "no_detector": ""}


def false_alarm_rows(budget: int | Time, times: pd.Series[pd.Timestamp]) -> int:
    """Return a budget of false alarms in rows.

    Parameters
    ----------
    budget : int or Time
        A time counts as the number of rows that arrive in it at the rate of the given ones, from 1,000 to 500,000: with
        fewer rows a threshold cannot be chosen, with more it takes minutes.
    times : pandas.Series of Timestamp
        Event times of the rows.
    """
    if isinstance(budget, int):
        return budget
    span_days = max((times.max() - times.min()) / pd.Timedelta(days=1), 1 / 86_400)
    return int(min(max(budget.days * len(times) / span_days, _FEWEST_BUDGET), _MOST_BUDGET))


def _features(manifest: Manifest, rows: pd.DataFrame, champion: Champion, columns: Sequence[str]) -> pd.DataFrame:
    try:
        return compared_values(manifest, features_of(manifest, rows), columns)
    except TrainingError as error:
        raise ChampionUnusable(f"the features of {champion.name} cannot be made: {error}") from error


def _snapshot_rows(run: MonitorRun, manifest: Manifest, champion: Champion) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the champion's training rows and the holdout of its verdict; a refit was trained on both."""
    snapshot = load_manifest(run.store, run.spec.name, champion.snapshot_digest)
    entity, plan = run.spec.watch.drift.entity, manifest.split
    wanted = (*([entity] if entity is not None else []), *slice_columns(run.spec))
    more = [column for column in wanted if column in snapshot.schema_]
    columns = dict.fromkeys((plan.event_time, plan.target, *manifest.inputs, *more))
    rows = read_snapshot(run.store, snapshot, columns=list(columns))
    split = apply_split(rows, plan, manifest.task)
    learnt = split.train if manifest.refit is None else labelled_rows(rows, plan, manifest.task)
    return learnt, split.holdout
