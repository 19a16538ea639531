"""The champion that a model continues."""

from __future__ import annotations

from perennial.record import Record


class Base(Record):
    """The champion whose fitted state another model continues."""

    version: str
    mlflow_run_id: str
    bundle_digest: str
    """Hexadecimal SHA-256 of its bundle's manifest."""
    updates: int
    """Number of retrainings since the last full one, the one that continues it among them; at least 1."""

    @property
    def name(self) -> str:
        """Its name in sentences."""
        return f"champion v{self.version}"
