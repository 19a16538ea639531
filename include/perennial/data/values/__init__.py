"""Values in the types of a snapshot, whichever format they came in."""
