"""From new rows to a decision: check, governor, ledger."""
