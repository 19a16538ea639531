"""One operator per stage of a retraining."""
