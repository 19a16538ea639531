"""Models as files: how they are written, trusted, loaded and asked."""
