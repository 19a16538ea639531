#!/usr/bin/env bash
# Copy the databases of Airflow and MLflow, the store and MLflow's artifacts into a folder, while everything runs:
#   deploy/backup/backup.sh FOLDER
# docs/deploy.md says why in this order, and how to put it back.

source "$(dirname "${BASH_SOURCE[0]}")/places.sh"

folder="${1:?usage: backup.sh FOLDER (which must not exist yet)}"
umask 077 # the databases hold connections, the archives rows
mkdir "$folder"

# Each is copied before what it refers to: what was there when it was copied is there still, since objects stay.
store store pack records >"$folder/records.tar"
sql airflow pg_dump --format=custom >"$folder/airflow.dump"
sql mlflow pg_dump --format=custom >"$folder/mlflow.dump"
store artifacts pack objects >"$folder/artifacts.tar"
store store pack objects >"$folder/objects.tar"

# Last: a folder without it is no backup.
(cd "$folder" && sha256sum -- *.tar *.dump >SHA256SUMS.part && mv SHA256SUMS.part SHA256SUMS)
echo "backed up: $(du -sh "$folder" | cut -f1) in $folder"
