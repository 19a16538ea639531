"""Rehearses the packages of a model, and adds what was found to the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import apply_split
from perennial.errors import PackageError
from perennial.layout import REHEARSAL, VERDICT
from perennial.models.predictions import Predictions
from perennial.packages.kept import fetch_package
from perennial.packages.records import Package, Packages
from perennial.printable import PrintableLog
from perennial.promotion.records import Verdict
from perennial.promotion.verdict import with_blessing
from perennial.registry.bundles import load_recorded, recorded_by_digest
from perennial.registry.tracking import Tracker
from perennial.rehearsal.compare import differences
from perennial.rehearsal.interfaces import run_package
from perennial.rehearsal.judge import judge
from perennial.rehearsal.records import FarRow, Latency, Rehearsal, Rehearsed
from perennial.spec.packages import PackageKind
from perennial.store.sealed import seal

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)

ARTIFACTS = "packages"
FARTHEST = 3


def rehearse(run: RetrainingRun, snapshot: Snapshot, packages: Packages | None, verdict: Verdict) -> Verdict:
    """Run each package on the holdout in a clean process, and return the verdict with the blessing that follows.

    The measurements are kept as `rehearsal.json` with the run's reports and, if every package passes, beside the
    packages in the candidate's MLflow run: what fails is not shown there as a package to take.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        The snapshot that the candidate was trained from.
    packages : Packages or None
        None: nothing was packaged, since the candidate is not promoted; the verdict stays as it is.
    verdict : Verdict

    Raises
    ------
    BundleChanged, Damaged
        The bundle or a package is not what was recorded.
    TrackingUnavailable
        MLflow does not answer.
    """
    if packages is None:
        return verdict
    recorded = recorded_by_digest(run, packages.mlflow_run_id, packages.bundle_digest)
    manifest, plan = recorded.manifest, recorded.manifest.split
    columns = list(dict.fromkeys((plan.event_time, plan.target, *manifest.inputs)))
    rows = apply_split(read_snapshot(run.store, snapshot, columns=columns), plan, manifest.task).holdout
    expected = load_recorded(run, recorded).predict(rows)
    inputs, times = rows[list(manifest.inputs)], rows[plan.event_time]
    with run.store.scratch() as scratch:
        files = {one.kind: fetch_package(run.store, run.spec.name, one, scratch / one.kind) for one in packages.made}
        failed = [Rehearsed(kind=kind, file="", error=why) for kind, why in packages.failed.items()]
        made = [_rehearsed(run, one, files[one.kind], inputs, times, expected) for one in packages.made]
        rehearsal = Rehearsal(bundle_digest=packages.bundle_digest, packages=(*failed, *made))
        blessing = judge(rehearsal, run.spec.rehearsal)
        run.store.write(run.prefix + REHEARSAL.name, seal(rehearsal))
        if blessing.outcome == "promote":
            _log_to_mlflow(run, packages, rehearsal, files, scratch)
    verdict = with_blessing(verdict, blessing, run.spec)
    run.store.write(run.prefix + VERDICT.name, seal(verdict))
    for one in rehearsal.packages:
        log.info("%s", in_words(one))
    log.info("%s", verdict.sentence)
    return verdict


def in_words(one: Rehearsed) -> str:
    """Return the measurements of a package as a sentence."""
    if one.error or one.one is None or one.thousand is None:
        return f"{one.kind}: {one.error}"
    return (
        f"{one.kind}: {one.rows:,} rows, largest difference {one.difference:.3g}; loads in {one.load_s:.1f} s, "
        f"p50/p95/p99 {one.one.p50:.2f}/{one.one.p95:.2f}/{one.one.p99:.2f} ms for one row and "
        f"{one.thousand.p50:.1f}/{one.thousand.p95:.1f}/{one.thousand.p99:.1f} ms for 1,000; {one.memory_mb:,.0f} MiB"
    )


def _rehearsed(
    run: RetrainingRun, one: Package, file: Path, inputs: pd.DataFrame, times: pd.Series, expected: Predictions
) -> Rehearsed:
    try:
        with run.store.scratch() as scratch:
            answers, measured = run_package(one.kind, file, inputs, scratch)
        apart = differences(expected, answers, run.spec.rehearsal.max_difference)
    except PackageError as error:
        return Rehearsed(kind=one.kind, file=one.file, error=str(error))
    order = np.argsort(-apart.each, kind="stable")[:FARTHEST]
    return Rehearsed(
        kind=one.kind,
        file=one.file,
        rows=len(inputs),
        difference=float(apart.each.max()),
        labels_changed=apart.labels_changed,
        farthest=tuple(
            FarRow(position=int(row), at=times.iloc[row].to_pydatetime(), difference=float(apart.each[row]))
            for row in order
            if apart.each[row] > 0
        ),
        load_s=measured["load_s"],
        one=Latency.model_validate(measured["one"]),
        thousand=Latency.model_validate(measured["thousand"]),
        memory_mb=measured["memory_mb"],
    )


def _log_to_mlflow(
    run: RetrainingRun, packages: Packages, rehearsal: Rehearsal, files: Mapping[PackageKind, Path], scratch: Path
) -> None:
    shown = scratch / "shown"
    shown.mkdir()
    (shown / REHEARSAL.name).write_bytes(seal(rehearsal))
    for file in files.values():
        file.rename(shown / file.name)
    tracker = Tracker(run.tracking_uri)
    tracker.log_folder(packages.mlflow_run_id, shown, ARTIFACTS)
    tracker.set_tags(
        packages.mlflow_run_id, {f"perennial.package.{one.kind}": f"{one.file} {one.digest}" for one in packages.made}
    )
