"""What Perennial adds to Airflow's API server."""
