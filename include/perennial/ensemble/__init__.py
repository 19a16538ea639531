"""Several models that answer together: what each weighs, and what they say."""
