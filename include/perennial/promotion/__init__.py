"""Decides whether a candidate becomes champion (verdict), and makes it champion (registry)."""
