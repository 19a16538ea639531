"""Sources: files, S3 prefixes and queries, read as rows with event times."""
