"""Reads the explanations of a run."""

from __future__ import annotations

from perennial.explanations.records import Explanations
from perennial.layout import EXPLANATIONS, run_folder
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record


def read_explanations(store: Store, model: str, run_id: str, mlflow_run_id: str) -> Explanations | None:
    """Return the explanations of the candidate of a run; None: it was not explained.

    Parameters
    ----------
    store : Store
    model : str
        The spec's name.
    run_id : str
        The retraining.
    mlflow_run_id : str
        The candidate's MLflow run.

    Raises
    ------
    Damaged
        They are not what was written.
    """
    advice = "It is a report and nothing depends on it: delete it, or clear 'evaluate' of the run"
    try:
        found = read_record(store, run_folder(model, run_id) + EXPLANATIONS.name, Explanations, advice)
    except KeyNotFound:
        return None
    return found if found.mlflow_run_id == mlflow_run_id else None
