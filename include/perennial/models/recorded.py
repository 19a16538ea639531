"""What the worker that trained a model wrote down about it, where only workers can write: in the store.

A file never vouches for itself. MLflow's artifact storage may be written by many; what is loaded from there is compared
with this record, and holds no types but those in it, whatever the spec of today trusts.
"""

from __future__ import annotations

from collections.abc import Iterator

from perennial.layout import BUNDLE, ENSEMBLE_BUNDLE, REFIT_BUNDLE
from perennial.models.manifest import Manifest
from perennial.record import Record
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, seal


class RecordedBundle(Record):
    """A bundle as it was trained."""

    mlflow_run_id: str
    """The MLflow run that logged it: each logs a candidate and, after the verdict, its refit and who serves with it."""
    model_uri: str
    """MLflow's URI of the logged model."""
    digest: str
    """Hexadecimal SHA-256 of the bundle's manifest, which has the digests of the files."""
    manifest: Manifest

    @property
    def model_id(self) -> str:
        """MLflow's id of the logged model."""
        return self.model_uri.removeprefix("models:/")


def record_bundle(store: Store, model: str, recorded: RecordedBundle) -> None:
    """Write down what was trained, or put together.

    Once: an MLflow run has one candidate, one refit of it, and one ensemble of the same members, for good.
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
    """Return what was written down of the candidate that an MLflow run logged; None: Perennial did not train it, or not with this store.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    return _read(store, BUNDLE.key(model, mlflow_run_id))


def find_refit(store: Store, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    """Return what was written down of the bundle that holds an MLflow run's candidate and its refit; None: there is none.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    return _read(store, REFIT_BUNDLE.key(model, mlflow_run_id))


def find_ensemble(store: Store, model: str, mlflow_run_id: str, digest: str) -> RecordedBundle | None:
    """Return what was written down of an ensemble whose newest member an MLflow run trained; None: there is no such one.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    return _read(store, ENSEMBLE_BUNDLE.key(model, mlflow_run_id, digest))


def recorded_bundles(store: Store, model: str, mlflow_run_id: str) -> Iterator[RecordedBundle]:
    """Yield all that was written down of an MLflow run's models: ensembles, refit, and candidate last.

    Raises
    ------
    Damaged
        A record is not what was written.
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
