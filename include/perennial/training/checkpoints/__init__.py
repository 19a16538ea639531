"""Checkpoints: a long fit stores what it has learnt so far, and goes on from there after an interruption."""
