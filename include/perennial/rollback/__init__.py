"""Rollback: an earlier version becomes champion again, after it was examined."""
