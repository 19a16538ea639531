"""The demo: real flights, a real Airflow and a real MLflow, all in one folder and only on 127.0.0.1."""
