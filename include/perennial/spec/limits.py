"""How large a spec may be: far larger than a model needs, but small enough to be parsed fast."""

from __future__ import annotations

MAX_BYTES = 256 * 1024
"""Maximum size of a file."""
MAX_DEPTH = 32
"""Maximum nesting of mappings and lists; an alias counts as what it stands for."""
MAX_VALUES = 50_000
"""Maximum number of values in a file; an alias counts as all values that it stands for."""
MAX_DIGITS = 64
"""Maximum number of characters of a number, date or other scalar that is not text."""
MAX_PROBLEMS = 50
"""Maximum number of problems that are reported for one file."""
MAX_COUNT = 10**15
"""Maximum of rows, checks and other counts."""
MOST_TRIALS = 10_000
"""Maximum trials of a search."""
MAX_MINUTES = 366 * 24 * 60
"""Maximum minutes between two checks: a year."""
