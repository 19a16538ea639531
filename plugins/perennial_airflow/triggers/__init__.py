"""What waits in Airflow's triggerer, where no worker is held."""
