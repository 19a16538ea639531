"""The names of a region's connections."""

from __future__ import annotations


def connection_id(kind: str, region: str | None) -> str:
    """Return such as `aws_us_east_1` for the region `us-east-1`, and `aws_default` without one."""
    return f"{kind}_{region.replace('-', '_') if region else 'default'}"
