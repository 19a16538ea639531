"""Faults against the running production stack, and what is found after each: `make chaos`."""
