"""Packages the model that would serve, before it is promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from perennial.ensemble.records import Assembly
from perennial.errors import PackageError, TrainingError
from perennial.models.candidate import Candidate
from perennial.models.recorded import RecordedBundle
from perennial.models.refit import Refit
from perennial.packages.container import build_context
from perennial.packages.kept import find_packages, keep_packages
from perennial.packages.records import Packages
from perennial.packages.wheel import build_wheel
from perennial.printable import PrintableLog
from perennial.promotion.records import Verdict
from perennial.registry.bundles import fetch_recorded, recorded_by_digest

if TYPE_CHECKING:
    from perennial.run import RetrainingRun
    from perennial.spec.packages import PackageKind

log = PrintableLog(__name__)


def package(
    run: RetrainingRun,
    candidate: Candidate,
    verdict: Verdict,
    refit: Refit | None,
    assembly: Assembly | None,
) -> Packages:
    """Make the packages that the spec asks for, of the bundle that is registered and serves after a promotion.

    Packages of the same bundle that exist already are returned. If one cannot be made, none is kept, and the record says
    why: the rehearsal then refuses the candidate.

    Parameters
    ----------
    run : RetrainingRun
    candidate : Candidate
    verdict : Verdict
        So far; it does not reject.
    refit : Refit or None
    assembly : Assembly or None
        The last of the three that there is, is what serves.

    Raises
    ------
    BundleChanged
        The bundle's files are not those that were logged.
    TrackingUnavailable
        MLflow does not answer.
    TrainingError
        The candidate was rejected.
    """
    if verdict.consequence == "reject":
        raise TrainingError(f"the candidate was rejected, and only promoted ones are packaged: {verdict.sentence}")
    served = assembly or refit or candidate
    there = find_packages(run.store, run.spec.name, served.bundle_digest)
    if there is not None and {one.kind for one in there.made} == set(run.spec.packages):
        log.info("the packages of this bundle exist already")
        return there
    recorded = recorded_by_digest(run, candidate.mlflow_run_id, served.bundle_digest)
    with run.store.scratch() as scratch:
        bundle = scratch / "bundle"
        bundle.mkdir()
        fetch_recorded(run, recorded, bundle)
        files, failed = _Workshop(run, recorded, bundle, scratch).make()
        if failed:
            for kind, why in failed.items():
                log.warning("%s: %s", kind, why)
            return Packages(
                mlflow_run_id=candidate.mlflow_run_id, bundle_digest=served.bundle_digest, made=(), failed=failed
            )
        packages = keep_packages(run.store, run.spec.name, candidate.mlflow_run_id, served.bundle_digest, files)
    for one in packages.made:
        log.info("%s: %s, %.1f MiB, sha256 %s", one.kind, one.file, one.size_bytes / 2**20, one.digest)
    return packages


@dataclass(frozen=True)
class _Workshop:
    """Makes the packages of a bundle in a scratch folder."""

    run: RetrainingRun
    recorded: RecordedBundle
    bundle: Path
    scratch: Path

    def make(self) -> tuple[dict[PackageKind, Path], dict[PackageKind, str]]:
        """Return the files of the packages, and why others could not be made."""
        makers: Mapping[PackageKind, Callable[[], Path]] = {
            "wheel": self._wheel,
            "onnx": self._onnx,
            "container": self._container,
        }
        files: dict[PackageKind, Path] = {}
        failed: dict[PackageKind, str] = {}
        for kind, make in makers.items():
            if kind in self.run.spec.packages:
                try:
                    files[kind] = make()
                except PackageError as error:
                    failed[kind] = str(error)
        return files, failed

    def _wheel(self) -> Path:
        return self._built_wheel

    @cached_property
    def _built_wheel(self) -> Path:
        return build_wheel(
            self.bundle,
            self.recorded.manifest,
            name=self.run.spec.name,
            description=self.run.spec.description,
            scratch=self._folder("wheel"),
        )

    def _onnx(self) -> Path:
        # Imported here: ONNX's libraries are an extra.
        from perennial.packages.onnx_file import build_onnx

        return build_onnx(self.bundle, self.recorded.manifest, name=self.run.spec.name, scratch=self._folder("onnx"))

    def _container(self) -> Path:
        return build_context(self._built_wheel, name=self.run.spec.name, scratch=self._folder("container"))

    def _folder(self, name: str) -> Path:
        folder = self.scratch / name
        folder.mkdir(exist_ok=True)
        return folder
