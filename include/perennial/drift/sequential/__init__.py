"""Tests of values in time order: losses and performance."""
