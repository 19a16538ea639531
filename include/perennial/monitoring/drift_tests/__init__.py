"""The tests of a check: what each measures, of which rows, against what."""
