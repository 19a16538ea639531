"""The trigger that waits in Airflow's triggerer, where it does not occupy a worker."""
