"""Perennial in Airflow: operators, hooks, links and the reports' API."""
