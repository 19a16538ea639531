"""Classes of unequal size: weights, resampling, and the decision that follows from probabilities."""
