"""The search for the best estimator and parameters: its space, its study in Optuna's storage, and its evidence."""
