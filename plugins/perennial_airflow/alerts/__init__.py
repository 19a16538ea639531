"""Alerts: messages to people about a model, as its spec's `alerts` say."""
