"""Perennial: scheduled and triggered retraining of machine-learning models. Knows nothing of Airflow."""

__version__ = "0.1.0"
