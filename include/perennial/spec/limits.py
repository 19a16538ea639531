"""How large a spec may be: far more than a model needs, and little enough that no file keeps the others waiting."""

from __future__ import annotations

MAX_BYTES = 256 * 1024
"""Size of a file."""
MAX_DEPTH = 32
"""Mappings and lists within each other, an alias counting as what it stands for."""
MAX_VALUES = 50_000
"""Values of a file, an alias counting as all that it stands for."""
MAX_DIGITS = 64
"""Characters of a number, date or other scalar that is not text."""
MAX_PROBLEMS = 50
"""Problems that are said of one file."""
MAX_COUNT = 10**15
"""Rows, checks and whatever else is counted."""
MAX_MINUTES = 366 * 24 * 60
"""A year, from one check to the next."""
