"""How good a model is on rows that it has not seen: metrics, plots, and the comparison of candidate and champion."""
