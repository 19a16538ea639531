#!/bin/sh
# Become the process that is named, if stores, MLflow, clocks and version are right; else say what is wrong, and end.
set -e
python -m perennial_airflow.startup.preflight
exec "$@"
