"""Whether a snapshot meets the spec's expectations: Great Expectations suites and reports."""

from __future__ import annotations

import os

# Great Expectations reads this when it is imported, which the modules of this package do.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
