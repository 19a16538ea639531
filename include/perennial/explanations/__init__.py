"""What a model relies on: measured on held-out rows, and for single predictions."""
