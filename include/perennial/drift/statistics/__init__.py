"""Distances and p-values of arrays."""
