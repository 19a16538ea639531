"""Monitoring: checks of new rows, the governor's decisions, and the ledger."""
