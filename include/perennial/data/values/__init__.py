"""Values in the types of a snapshot, independent of the source's format."""
