"""From a snapshot to a logged candidate: preprocessing, estimator, model file, MLflow run."""

from __future__ import annotations

import os

# Read by MLflow and OpenMP when they are loaded, and this file runs before any module here loads them.
# A variable that is already set is not changed.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # With MLflow's own seven retries a task hangs for four minutes without a message if the server is down;
    # the task itself is retried anyway.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    # Read by OpenMP when scikit-learn loads it. Threads that wait in a busy loop take the cores from each other if
    # several trainings share a machine, which was measured to be seven times slower.
    "OMP_WAIT_POLICY": "PASSIVE",
}.items():
    os.environ.setdefault(_name, _value)
