"""Check a snapshot against the spec's expectations with Great Expectations, and write the report."""

from __future__ import annotations

import os

# Must be set before the modules of this package import Great Expectations, which reads it then.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
