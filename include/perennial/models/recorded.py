"""What the worker that trained a model wrote down about it, where only workers can write: in the store.

A file never vouches for itself. MLflow's artifact storage may be written by many; what is loaded from there is compared
with this record, and holds no types but those in it, whatever the spec of today trusts.
"""

from __future__ import annotations

from perennial.layout import BUNDLE, REFIT_BUNDLE, Place
from perennial.models.manifest import Manifest
from perennial.record import Record
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, seal


class RecordedBundle(Record):
    """A bundle as it was trained."""

    mlflow_run_id: str
    """The MLflow run that logged it: each logs a candidate and, after the verdict, at most one refit of it."""
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
    """Write down what was trained. Once: an MLflow run has one candidate, and one refit of it, for good."""
    place = BUNDLE if recorded.manifest.refit is None else REFIT_BUNDLE
    try:
        store.create(place.key(model, recorded.mlflow_run_id), seal(recorded))
    except Conflict:
        if _find(store, place, model, recorded.mlflow_run_id) != recorded:
            raise


def find_bundle(store: Store, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    """Return what was written down of the candidate that an MLflow run logged; None: Perennial did not train it, or not with this store.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    return _find(store, BUNDLE, model, mlflow_run_id)


def find_refit(store: Store, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    """Return what was written down of the bundle that holds an MLflow run's candidate and its refit; None: there is none.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    return _find(store, REFIT_BUNDLE, model, mlflow_run_id)


def _find(store: Store, place: Place, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    advice = (
        "Without it the model is not loaded: put it back from a backup (docs/deploy.md), move the alias 'champion' to "
        "another version, or retrain"
    )
    try:
        return read_record(store, place.key(model, mlflow_run_id), RecordedBundle, advice)
    except KeyNotFound:
        return None
