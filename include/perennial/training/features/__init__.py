"""Features: how columns become the numbers that an estimator takes."""
