"""Turn Airflow's connections and the environment into arguments of the library."""
