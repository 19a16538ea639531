"""What reads: files, S3 prefixes and queries, as rows with event times."""
