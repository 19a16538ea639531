"""What a check measures, of which rows, against what."""
