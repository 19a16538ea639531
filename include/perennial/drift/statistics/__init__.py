"""Distances and p-values. Arrays in, numbers out."""
