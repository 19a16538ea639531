"""What the checks compare with: prepared once per champion from the rows that it came from, kept beside its snapshot."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.data.snapshots.read import load_manifest, read_snapshot
from perennial.drift import ChiSquare, KolmogorovSmirnov, calibrate
from perennial.errors import DataError
from perennial.layout import REFERENCE
from perennial.models.transform import features_of
from perennial.monitoring.checks.champion_model import load_champion, score_rows
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.registry.records import Champion
from perennial.run import MonitorRun
from perennial.spec.monitoring import Monitoring
from perennial.store.checksum import checksum
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record, seal

log = PrintableLog(__name__)

NUMERIC, CATEGORICAL, PREDICTIONS = "numeric.npz", "categorical.npz", "predictions.npz"
SCORE = "prediction"
_ADVICE = "The reference is prepared again from the champion's snapshot"


class _Prepared(Record):
    """What a reference consists of besides its files, and the checksums of these, by name."""

    files: dict[str, str]
    detector: dict[str, Any] | None
    no_detector: str


@dataclass(frozen=True)
class Reference:
    """A champion's reference.

    Attributes
    ----------
    numeric : KolmogorovSmirnov
        Of the numeric features in the training rows.
    categorical : ChiSquare
        Of the categorical ones.
    predictions : KolmogorovSmirnov
        Of the champion's scores on its holdout: on its training rows it is surer than it will be again.
    detector : dict or None
        State of a fresh Page-Hinkley detector, calibrated on the losses of the holdout; None where `no_detector` says
        why there is none.
    no_detector : str
    """

    numeric: KolmogorovSmirnov
    categorical: ChiSquare
    predictions: KolmogorovSmirnov
    detector: dict[str, Any] | None
    no_detector: str


def load_reference(run: MonitorRun, champion: Champion) -> Reference:
    """Return the champion's reference, prepared now if it is not there, or not what was prepared.

    Raises
    ------
    DataError
        The champion's snapshot is gone, or lacks a feature of the spec.
    Damaged
        The snapshot is damaged, and so is the reference or there is none.
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
    DataError
        As `load_reference`.
    """
    # Named by all that it follows from: a registry that was made anew counts its versions from 1 again.
    made_of = hashlib.sha256(f"{champion.model_dump_json()}{run.spec.digest()}".encode()).hexdigest()
    folder = REFERENCE.folder(run.spec.name, f"v{champion.version}-{made_of[:12]}")
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
    with (
        _file(store, folder, NUMERIC, prepared) as numeric,
        _file(store, folder, CATEGORICAL, prepared) as categorical,
        _file(store, folder, PREDICTIONS, prepared) as predictions,
    ):
        return Reference(
            numeric=KolmogorovSmirnov.load(numeric),
            categorical=ChiSquare.load(categorical),
            predictions=KolmogorovSmirnov.load(predictions),
            detector=prepared.detector,
            no_detector=prepared.no_detector,
        )


def check_reference(store: Store, folder: str) -> None:
    """Raise Damaged or KeyNotFound if a file of a reference is not what was prepared, or gone."""
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
    monitoring = run.spec.watch
    trained_on, held_out = _snapshot_rows(run, champion)
    features = features_of(run.spec, trained_on)
    entity = monitoring.drift.entity
    if entity:
        features = features.assign(**{entity: trained_on[entity]})
    numeric = [name for name in run.spec.features.numeric if name not in monitoring.drift.exclude]
    categorical = [name for name in run.spec.features.categorical if name not in monitoring.drift.exclude]
    scored = score_rows(load_champion(run, champion), held_out)
    losses = scored.losses(held_out[run.spec.target.column])
    detector = _detector(monitoring, losses, held_out[run.spec.source.event_time])
    with run.store.scratch() as scratch:
        checks = {
            NUMERIC: KolmogorovSmirnov.fit(features, columns=numeric, entity=entity),
            CATEGORICAL: ChiSquare.fit(features, columns=categorical, entity=entity),
            PREDICTIONS: KolmogorovSmirnov.fit(pd.DataFrame({SCORE: scored.score}), columns=[SCORE]),
        }
        files = {}
        for name, check in checks.items():
            path = scratch / name
            check.save(path)
            files[name] = checksum(path)
            run.store.put_file(folder + name, path)
    # Written last: with it, all is there.
    run.store.write(folder + REFERENCE.name, seal(_Prepared.model_validate({"files": files, **detector})))
    log.info(
        "prepared the reference of champion v%s from %d training and %d held-out rows in %.1f s",
        champion.version, len(trained_on), len(held_out), time.perf_counter() - began,
    )  # fmt: skip


def _detector(monitoring: Monitoring, losses: Any, times: pd.Series) -> dict[str, Any]:
    wanted = monitoring.page_hinkley
    if wanted is None:
        return {"detector": None, "no_detector": "the spec asks for no Page-Hinkley test"}
    try:
        calibrated = calibrate(losses, one_false_alarm_in=wanted.one_false_alarm_in, shift=wanted.shift, times=times)
    except DataError as error:
        return {"detector": None, "no_detector": str(error)}
    return {"detector": calibrated.state(), "no_detector": ""}


def _snapshot_rows(run: MonitorRun, champion: Champion) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that the champion learnt from, and the labelled ones after them."""
    if not champion.snapshot_digest or champion.train_end is None:
        raise DataError(
            f"champion v{champion.version} of {run.spec.name} names no snapshot: it was not registered by Perennial. "
            "Retrain once, or move the alias to a version that was"
        )
    manifest = load_manifest(run.store, run.spec.name, champion.snapshot_digest)
    absent = [column for column in run.spec.features.input_columns if column not in manifest.schema_]
    if absent:
        raise DataError(
            f"champion v{champion.version} of {run.spec.name} was trained without {', '.join(absent)}, which the spec "
            "names as features now: retrain, so that there is something to compare with"
        )
    rows = read_snapshot(run.store, manifest)
    times = rows[run.spec.source.event_time]
    labelled = rows[run.spec.target.column].notna()
    trained_on = rows[(times <= champion.train_end) & labelled]
    held_out = rows[(times > champion.train_end) & labelled]
    return trained_on.reset_index(drop=True), held_out.reset_index(drop=True)
