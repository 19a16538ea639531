"""Where Airflow's connections and environment become the library's arguments."""
