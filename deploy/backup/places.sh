# Sourced by backup.sh and restore.sh: how they reach databases and stores.
#
# In a folder with docker-compose.yaml and .env: through its services, and nothing needs to be set. Elsewhere, by these:
#   AIRFLOW_DATABASE_URL, MLFLOW_DATABASE_URL   postgresql://user:password@host:port/database, as libpq reads it
#   OPTUNA_DATABASE_URL                         the same, if searches have a database of their own
#   PERENNIAL_STORE, MLFLOW_ARTIFACTS           folders, or s3://bucket/prefix with AWS_... in the environment
#   PYTHON                                      of an environment with Perennial, default python3
# Both need the same major version of PostgreSQL's tools, or a newer one, as the server.

set -euo pipefail

databases=(airflow mlflow optuna) # each before those that it refers to, or beside them
if [[ -n "${AIRFLOW_DATABASE_URL:-}" ]]; then
    [[ -n "${OPTUNA_DATABASE_URL:-}" ]] || databases=(airflow mlflow)
    : "${MLFLOW_DATABASE_URL:?set it beside AIRFLOW_DATABASE_URL}" "${PERENNIAL_STORE:?set it beside AIRFLOW_DATABASE_URL}"
    : "${MLFLOW_ARTIFACTS:?set it beside AIRFLOW_DATABASE_URL}"
    sql() { # DATABASE COMMAND [ARGUMENT...]: a tool of PostgreSQL's, on that database
        local url="${1^^}_DATABASE_URL"
        "$2" --dbname="${!url}" "${@:3}"
    }
    store() { # STORE|ARTIFACTS COMMAND [ARGUMENT...]: perennial.backup on that place
        local uri="$PERENNIAL_STORE"
        [[ "$1" == artifacts ]] && uri="$MLFLOW_ARTIFACTS"
        "${PYTHON:-python3}" -m perennial.backup "$2" "$uri" "${@:3}"
    }
else
    docker compose config --quiet # reports missing variables
    sql() {
        docker compose exec -T postgres "$2" --username="$1" --dbname="$1" "${@:3}"
    }
    store() {
        local variable=PERENNIAL_STORE
        [[ "$1" == artifacts ]] && variable=MLFLOW_ARTIFACTS
        # The addresses are set in the container.
        docker compose run --rm --no-deps -T tools sh -c "exec python -m perennial.backup $2 \"\$$variable\" ${*:3}"
    }
fi
