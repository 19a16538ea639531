"""Whether a candidate becomes champion (verdict), and making it so (registry)."""
