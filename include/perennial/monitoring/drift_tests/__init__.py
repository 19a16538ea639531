"""The tests of a check: what each measures, on which rows, compared with what."""
