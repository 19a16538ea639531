"""Copies of a store that can be put back, and whether what was put back is whole."""
