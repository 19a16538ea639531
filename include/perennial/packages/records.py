"""The packages of a model."""

from __future__ import annotations

from perennial.record import Record
from perennial.spec.packages import PackageKind


class Package(Record):
    """One package."""

    kind: PackageKind
    file: str
    """Name of its file."""
    digest: str
    """Hexadecimal SHA-256 of the file."""
    size_bytes: int


class Packages(Record):
    """The packages that were made of one bundle."""

    mlflow_run_id: str
    bundle_digest: str
    """Digest of the bundle that serves if the candidate is promoted."""
    made: tuple[Package, ...]
    """Those that the spec asks for. None of them if one could not be made."""
    failed: dict[PackageKind, str] = {}
    """Why packages could not be made."""

    def of(self, kind: PackageKind) -> Package | None:
        """Return the package of a kind; None: there is none."""
        return next((one for one in self.made if one.kind == kind), None)


class Publication(Record):
    """A wheel that a package index has."""

    index: str
    """Address of the index, without a login."""
    file: str
    digest: str
