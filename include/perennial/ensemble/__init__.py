"""Several models that predict together: the weight of each, and their weighted mean."""
