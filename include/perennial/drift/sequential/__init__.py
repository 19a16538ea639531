"""Tests of values in the order of their time: losses and performance."""
