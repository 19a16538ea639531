"""The stages of a retraining that consist of several calls: `perennial.stages` lists all stages."""
