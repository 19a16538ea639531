"""The command line: runs the steps of the DAGs without Airflow."""
