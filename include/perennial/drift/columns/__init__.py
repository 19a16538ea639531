"""Tests of a batch's columns against a reference that is prepared once."""
