"""The command line: the same steps as the DAGs', without Airflow."""
