"""From a source to a snapshot, and from a snapshot to training and holdout rows."""
