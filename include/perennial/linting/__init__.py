"""What `perennial lint` checks beyond the fields of a spec."""

from __future__ import annotations

from perennial.linting.lint import lint_paths, lint_spec

__all__ = ["lint_paths", "lint_spec"]
