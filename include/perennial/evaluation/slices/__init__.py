"""Slices of the holdout: which rows they are, how each model does in them, and in which one is surely worse."""
