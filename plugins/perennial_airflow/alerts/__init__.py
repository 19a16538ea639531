"""Tells people what happens to a model, as its spec's `alerts` say."""
