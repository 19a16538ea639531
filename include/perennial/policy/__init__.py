"""Replay of retraining policies on a model's own history: what each would have scored, and what it would have cost."""
