"""What the worker that trained a model wrote down about it, where only workers can write: in the store.

A file never vouches for itself. MLflow's artifact storage may be written by many; what is loaded from there is compared
with this record, and holds no types but those in it, whatever the spec of today trusts.
"""

from __future__ import annotations

from perennial.layout import BUNDLE
from perennial.models.manifest import Manifest
from perennial.record import Record
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, seal


class RecordedBundle(Record):
    """A bundle as it was trained."""

    mlflow_run_id: str
    """The MLflow run that logged it: each logs one."""
    model_uri: str
    """MLflow's URI of the logged model."""
    digest: str
    """Hexadecimal SHA-256 of the bundle's manifest, which has the digests of the files."""
    manifest: Manifest


def record_bundle(store: Store, model: str, recorded: RecordedBundle) -> None:
    """Write down what was trained. Once: an MLflow run has one bundle for good."""
    try:
        store.create(BUNDLE.key(model, recorded.mlflow_run_id), seal(recorded))
    except Conflict:
        if find_bundle(store, model, recorded.mlflow_run_id) != recorded:
            raise


def find_bundle(store: Store, model: str, mlflow_run_id: str) -> RecordedBundle | None:
    """Return what was written down of the model that an MLflow run logged; None: Perennial did not train it, or not with this store.

    Raises
    ------
    Damaged
        The record is not what was written.
    """
    advice = (
        "Without it the model is not loaded: put it back from a backup (docs/deploy.md), move the alias 'champion' to "
        "another version, or retrain"
    )
    try:
        return read_record(store, BUNDLE.key(model, mlflow_run_id), RecordedBundle, advice)
    except KeyNotFound:
        return None
