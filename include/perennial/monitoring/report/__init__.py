"""A check as one HTML page."""
