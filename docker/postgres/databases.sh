#!/bin/bash
# Run once, by PostgreSQL's entrypoint, when its volume is empty: a database and a user for each service.
set -euo pipefail

database() {
    local name=$1 password=$2
    psql --set=ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname postgres \
        --set=name="$name" --set=password="$password" <<'SQL'
CREATE USER :"name" PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

database airflow "$AIRFLOW_DB_PASSWORD"
database mlflow "$MLFLOW_DB_PASSWORD"
database celery "$CELERY_DB_PASSWORD"
database optuna "$OPTUNA_DB_PASSWORD"
