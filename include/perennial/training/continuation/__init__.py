"""Continuation: a retraining goes on from the champion's fitted state instead of beginning anew."""
