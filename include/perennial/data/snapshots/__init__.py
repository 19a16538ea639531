"""What keeps: immutable rows, addressed by their content."""
