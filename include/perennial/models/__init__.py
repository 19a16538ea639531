"""Models as files: how they are written, trusted, loaded and used to predict."""
