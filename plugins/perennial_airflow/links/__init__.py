"""Links from a task to its results in other places."""
