#!/usr/bin/env bash
# Restore a copy made by backup.sh into empty databases and stores; no other service may run meanwhile:
#   deploy/backup/restore.sh FOLDER

source "$(dirname "${BASH_SOURCE[0]}")/places.sh"

folder="${1:?usage: restore.sh FOLDER}"
[[ -f "$folder/SHA256SUMS" ]] || { echo "$folder has no SHA256SUMS: it is not a backup, or an incomplete one" >&2; exit 1; }
(cd "$folder" && sha256sum --check --quiet SHA256SUMS)

if [[ -f "$folder/optuna.dump" && " ${databases[*]} " != *" optuna "* ]]; then
    echo "the backup has optuna.dump: set OPTUNA_DATABASE_URL" >&2
    exit 1
fi
for database in "${databases[@]}"; do
    tables="$(sql "$database" psql --no-align --tuples-only --command="select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')")"
    [[ "$tables" == 0 ]] || { echo "database $database has $tables tables: restore into an empty one" >&2; exit 1; }
done
store store empty
store artifacts empty

store store unpack <"$folder/objects.tar"
store artifacts unpack <"$folder/artifacts.tar"
for database in optuna mlflow airflow; do
    # A backup has no searches if they have no database of their own.
    [[ -f "$folder/$database.dump" ]] || continue
    sql "$database" pg_restore --no-owner --no-privileges --exit-on-error --single-transaction <"$folder/$database.dump"
done
store store unpack <"$folder/records.tar"
echo "restored from $folder; start everything, and run: perennial verify"
