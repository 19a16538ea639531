"""From a snapshot to a logged candidate: preprocessing, estimator, model file, MLflow run."""

from __future__ import annotations

import os

# Read by MLflow and OpenMP when they are loaded, and this file runs before any module here loads them.
# Whoever sets a variable outside decides.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow's own seven retries keep a task silent for four minutes when the server is away;
    # whoever runs the task retries too.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    # Read by OpenMP when scikit-learn loads it. Threads that wait by spinning take the cores from each other where
    # several trainings share a machine: seven times slower was measured.
    "OMP_WAIT_POLICY": "PASSIVE",
}.items():
    os.environ.setdefault(_name, _value)
