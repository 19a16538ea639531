"""The sensor that waits for new rows."""
