"""The names of a region's connections."""

from __future__ import annotations


def connection_id(kind: str, region: str | None) -> str:
    """Return a connection id, such as `aws_us_east_1` for the region `us-east-1`, or `aws_default` without a region."""
    return f"{kind}_{region.replace('-', '_') if region else 'default'}"
