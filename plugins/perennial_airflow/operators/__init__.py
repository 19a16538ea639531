"""The operators of the retraining and monitoring DAGs."""
