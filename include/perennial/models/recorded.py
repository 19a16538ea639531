"""The record of a trained model, written by the worker that trained it to the store, where only workers can write.

Many may be able to write to MLflow's artifact storage. Files from there are therefore compared with this record, and
may hold only the types that are listed in it, whatever today's spec trusts.
"""

from __future__ import annotations

from collections.abc import Iterator

from perennial.layout import BUNDLE, ENSEMBLE_BUNDLE, REFIT_BUNDLE
from perennial.models.manifest import Manifest
from perennial.record import Record
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, seal


class RecordedBundle(Record):
    """What identifies a trained bundle."""

    mlflow_run_id: str
    """The MLflow run that logged it. A run logs a candidate and, after the verdict, its refit and its ensemble."""
    model_uri: str
    """MLflow's URI of the logged model."""
    digest: str
    """Hexadecimal SHA-256 of the bundle's manifest, which holds the digests of the files."""
    manifest: Manifest

    @property
    def model_id(self) -> str:
        """MLflow's id of the logged model."""
        return self.model_uri.removeprefix("models:/")


def record_bundle(store: Store, model: str, recorded: RecordedBundle) -> None:
    """Record a bundle that was trained or put together.

    A record is never replaced: an MLflow run has one candidate, one refit of it, and one ensemble of the same members.
    """
    key = _key(model, recorded)
    try:
        store.create(key, seal(recorded))
    except Conflict:
        if _read(store, key) != recorded:
            raise


def _key(model: str, recorded: RecordedBundle) -> str:
    if recorded.manifest.members:
        return ENSEMBLE_BUNDLE.key(model, recorded.mlflow_run_id, recorded.digest)
    place = BUNDLE if recorded.manifest.refit is None else REFIT_BUNDLE
    return place.key(model, recorded.mlflow_run_id)


def find_bundle(store: Store, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    """Return the record of the candidate that an MLflow run logged.

    None: Perennial did not train it, or not with this store.

    Raises
    ------
    Damaged
        The record was changed after it was written.
    """
    return _read(store, BUNDLE.key(model, mlflow_run_id))


def find_refit(store: Store, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    """Return the record of the bundle that holds an MLflow run's candidate and its refit; None: there is none.

    Raises
    ------
    Damaged
        The record was changed after it was written.
    """
    return _read(store, REFIT_BUNDLE.key(model, mlflow_run_id))


def find_ensemble(store: Store, model: str, mlflow_run_id: str, digest: str) -> RecordedBundle | None:
    """Return the record of an ensemble whose newest member an MLflow run trained; None: there is none.

    Raises
    ------
    Damaged
        The record was changed after it was written.
    """
    return _read(store, ENSEMBLE_BUNDLE.key(model, mlflow_run_id, digest))


def recorded_bundles(store: Store, model: str, mlflow_run_id: str) -> Iterator[RecordedBundle]:
    """Yield all records of an MLflow run's models: ensembles first, then the refit, then the candidate.

    Raises
    ------
    Damaged
        A record was changed after it was written.
    """
    keys = [item.key for item in store.list(REFIT_BUNDLE.folder(model, mlflow_run_id))]
    for key in (*filter(ENSEMBLE_BUNDLE.has, keys), *filter(REFIT_BUNDLE.has, keys), BUNDLE.key(model, mlflow_run_id)):
        recorded = _read(store, key)
        if recorded is not None:
            yield recorded


def _read(store: Store, key: str) -> RecordedBundle | None:
    advice = (
        "Without it the model is not loaded: put it back from a backup (docs/deploy.md), move the alias 'champion' to "
        "another version, or retrain"
    )
    try:
        return read_record(store, key, RecordedBundle, advice)
    except KeyNotFound:
        return None
