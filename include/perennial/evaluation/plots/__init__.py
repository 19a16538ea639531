"""Plots of candidate and champion on the holdout."""
