"""The ledger of champions: which version was champion when, who moved the alias, and why."""
