"""What a check waits for."""
