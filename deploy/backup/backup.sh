#!/usr/bin/env bash
# Copy the databases of Airflow, MLflow and searches, the store and MLflow's artifacts into a folder, while everything runs:
#   deploy/backup/backup.sh FOLDER
# docs/deploy.md explains the order, and how to restore.

source "$(dirname "${BASH_SOURCE[0]}")/places.sh"

folder="${1:?usage: backup.sh FOLDER (which must not exist yet)}"
umask 077 # the databases contain connections, the archives contain rows
mkdir "$folder"

# Each part is copied before the parts that it refers to. Since objects are not removed, these still exist then.
store store pack records >"$folder/records.tar"
for database in "${databases[@]}"; do
    sql "$database" pg_dump --format=custom >"$folder/$database.dump"
done
store artifacts pack objects >"$folder/artifacts.tar"
store store pack objects >"$folder/objects.tar"

# Written last: a folder without it is not a complete backup.
(cd "$folder" && sha256sum -- *.tar *.dump >SHA256SUMS.part && mv SHA256SUMS.part SHA256SUMS)
echo "backed up: $(du -sh "$folder" | cut -f1) in $folder"
