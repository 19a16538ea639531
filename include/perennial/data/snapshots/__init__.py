"""Snapshots: immutable rows, addressed by their content."""
