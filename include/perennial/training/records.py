"""What training hands on."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record


class Candidate(Record):
    """A trained model that nobody has judged yet."""

    mlflow_run_id: str
    experiment_id: str
    model_uri: str
    """MLflow's URI of the logged model."""
    snapshot_digest: str
    spec_digest: str
    code_version: str
    train_rows: int
    train_start: datetime
    train_end: datetime
    """Newest event time among the training rows."""
    holdout_rows: int
    """Labelled rows kept out."""
    holdout_start: datetime
    holdout_end: datetime
    unlabelled_rows: int
    """Rows of the window that have no label and took no part."""
