"""Fits that treat groups of people more alike: weights, reductions, and thresholds by group."""
