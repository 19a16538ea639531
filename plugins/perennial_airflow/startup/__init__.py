"""Code that runs when Airflow's processes start."""
