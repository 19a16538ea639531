"""Inject faults into the running production stack, and check its state after each: `make chaos`."""
