"""What Airflow's processes do as they start."""
