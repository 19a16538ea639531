"""The demo: real flights, a real Airflow and a real MLflow, all under one folder and on 127.0.0.1 only."""
