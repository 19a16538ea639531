"""The stages of a retraining that are more than one call: `perennial.stages` lists all of them."""
