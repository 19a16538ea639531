"""Collects a model's history: champions, verdicts, approvals, evidence and checks, each under its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from perennial.audit.archive import AuditArchive, written_aside
from perennial.audit.records import MANIFEST_NAME, AuditManifest
from perennial.backup.ledger_order import ledger_problems
from perennial.champions.history import champion_at
from perennial.champions.records import ChampionEntry
from perennial.data.snapshots.manifest import Manifest
from perennial.errors import PerennialError
from perennial.evaluation.records import Evaluation
from perennial.layout import (
    APPROVAL,
    BUNDLE,
    CHAMPION_ENTRY,
    DATA_DOCS,
    EVALUATION,
    LEDGER_ENTRY,
    MANIFEST,
    PACKAGES,
    PROMOTION,
    REFIT_BUNDLE,
    REHEARSAL,
    VERDICT,
    Place,
    place_of,
    run_folder,
)
from perennial.models.recorded import RecordedBundle
from perennial.monitoring.ledger import sequences
from perennial.monitoring.records import LedgerEntry
from perennial.packages.records import Packages
from perennial.promotion.answers import Approval
from perennial.promotion.records import Promotion, Verdict
from perennial.record import Record
from perennial.registry.aliases import CHAMPION, version_by_alias
from perennial.registry.evidence import VersionEvidence, figures_of_run, files_of_run, versions_of
from perennial.registry.tracking import Tracker
from perennial.rehearsal.records import Rehearsal
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_record

Of = TypeVar("Of", bound=Record)

_OF_A_RUN: Mapping[Place, type[Record]] = {
    EVALUATION: Evaluation,
    VERDICT: Verdict,
    APPROVAL: Approval,
    PROMOTION: Promotion,
    REHEARSAL: Rehearsal,
}
_ADVICE = "Put it back from a backup (docs/deploy.md), and make the audit again"
LEFT_OUT = {
    "rows of snapshots, checks and backtests": "an archive may be handed on, and rows must not; a snapshot's manifest "
    "names its files and their digests",
    "Data Docs and failures of runs": "they may quote rows",
    "files of models and packages": "the records of bundles and packages have their digests",
    "pages of checks": "the ledger has their figures",
    "tags of MLflow that are not Perennial's": "anybody may write anything there",
    "secrets": "the store has none, and connections and the environment are not read",
}


def audit(
    store: Store,
    tracking_uri: str,
    model: str,
    out: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AuditManifest:
    """Write an archive of a model's history. The same history gives the same bytes.

    A check belongs to the period if its champion does, or if it triggered a retraining that does: a check has a time of
    the data, a champion one of the clock.

    Parameters
    ----------
    store : Store
    tracking_uri : str
    model : str
    out : Path
        Replaced as a whole at the end.
    since, until : datetime, optional
        Period of the moves and registrations, both ends included, by the clock, with a time zone. Default: everything.

    Returns
    -------
    AuditManifest
        As in the archive. What is damaged or gone is named in its `problems`, and the rest is there.

    Raises
    ------
    PerennialError
        The file cannot be written, or the period ends before it begins.
    TrackingUnavailable, StoreUnavailable
        A server does not answer.
    """
    if since is not None and until is not None and until < since:
        raise PerennialError(f"the period ends before it begins: {until.isoformat()} is before {since.isoformat()}")
    with written_aside(out) as archive:
        manifest = _Audit(store, Tracker(tracking_uri), model, archive, since, until).collect()
        archive.write(MANIFEST_NAME, manifest.model_dump_json(indent=2).encode())
    return manifest


@dataclass
class _Audit:
    """What goes into one archive."""

    store: Store
    tracker: Tracker
    model: str
    archive: AuditArchive
    since: datetime | None
    until: datetime | None
    problems: list[str] = field(default_factory=list)
    newest: str | None = None
    """The champion, as the newest move says."""

    def collect(self) -> AuditManifest:
        moves = self._moves()
        versions = self._versions({move.version for move in moves if move.version})
        runs = {one.tags.get("perennial.run_id", "") for one in versions.values()} | {move.run_id for move in moves}
        for run_id in sorted(runs - {""}):
            self._run(run_id)
        for move in moves:
            if move.evidence:
                self._keep(move.evidence, Verdict, expected=f"move {move.sequence} rests on it")
        checks = self._checks(set(versions), runs)
        self._compare_with_alias()
        return AuditManifest(
            model=self.model,
            since=self.since,
            until=self.until,
            moves=tuple(move.sequence for move in moves),
            versions=tuple(sorted(versions, key=int)),
            checks=checks,
            problems=tuple(dict.fromkeys(self.problems)),
            left_out=LEFT_OUT,
            files=self.archive.files,
        )

    def _moves(self) -> list[ChampionEntry]:
        """Keep the moves of the period, and the one before it, whose version was champion when it began."""
        keys = sorted(item.key for item in self.store.list(CHAMPION_ENTRY.folder(self.model)))
        found = (self._read(key, ChampionEntry) for key in keys if CHAMPION_ENTRY.has(key))
        entries = sorted(filter(None, found), key=lambda entry: entry.sequence)
        self.newest = entries[-1].version if entries else None
        before = None if self.since is None else champion_at(entries, self.since)
        kept = [entry for entry in entries if entry == before or self._inside(entry.at)]
        for entry in kept:
            self._keep(CHAMPION_ENTRY.key(self.model, entry.sequence), ChampionEntry)
        return kept

    def _run(self, run_id: str) -> None:
        """Keep a run's records, and its pages and figures for people, such as a model card."""
        for key in sorted(item.key for item in self.store.list(run_folder(self.model, run_id))):
            place = place_of(key)
            record = None if place is None else _OF_A_RUN.get(place)
            if record is not None:
                self._keep(key, record)
            elif place is not None and place.kind == "report" and place is not DATA_DOCS:
                self.archive.add(f"store/{key}", self.store.read(key), key)

    def _versions(self, champions: set[str]) -> dict[str, VersionEvidence]:
        """Keep what store and MLflow know of the champions, and of what was registered in the period."""
        there = {one.version: one for one in versions_of(self.tracker, self.model)}
        for version in sorted(champions - set(there), key=int):
            self.problems.append(f"version {version} of {self.model} is no longer in MLflow's registry")
        kept = {
            version: one for version, one in there.items() if version in champions or self._inside(one.registered_at)
        }
        for version, one in kept.items():
            self._add(f"mlflow/versions/{version}.json", asdict(one), f"version {version}")
            self._bundle(one)
            if one.mlflow_run_id:
                self._mlflow_run(one.mlflow_run_id)
        return kept

    def _bundle(self, version: VersionEvidence) -> None:
        run, digest = version.mlflow_run_id, version.tags.get("perennial.bundle", "")
        if not digest:
            return  # Perennial did not train it
        self._keep(
            BUNDLE.key(self.model, run), RecordedBundle, expected=f"version {version.version} was trained with it"
        )
        for key in sorted(item.key for item in self.store.list(REFIT_BUNDLE.folder(self.model, run))):
            self._keep(key, RecordedBundle)
        self._keep(PACKAGES.key(self.model, digest), Packages)
        snapshot = version.tags.get("perennial.snapshot", "")
        self._keep(
            MANIFEST.key(self.model, snapshot), Manifest, expected=f"version {version.version} was trained on it"
        )

    def _mlflow_run(self, mlflow_run_id: str) -> None:
        figures = figures_of_run(self.tracker, mlflow_run_id)
        if figures is None:
            self.problems.append(
                f"run {mlflow_run_id} is no longer in MLflow: the spec and figures of its version are gone"
            )
            return
        self._add(f"mlflow/runs/{mlflow_run_id}/run.json", figures, f"run {mlflow_run_id}")
        for path, data in files_of_run(self.tracker, mlflow_run_id):
            self.archive.add(f"mlflow/runs/{mlflow_run_id}/{path}", data, f"mlflow: run {mlflow_run_id}, {path}")

    def _checks(self, versions: set[str], runs: set[str]) -> tuple[int, ...]:
        """Keep the checks of the champions of the period, and those whose retraining registered one of its versions."""
        numbers = sequences(self.store, self.model)
        entries = {
            number: entry for number in numbers if (entry := self._read(_check(self.model, number), LedgerEntry))
        }
        kept = [number for number, entry in entries.items() if _belongs(entry, versions, runs)]
        for number in kept:
            self._keep(_check(self.model, number), LedgerEntry)
        self.problems += ledger_problems(self.model, numbers, entries, None)
        return tuple(kept)

    def _compare_with_alias(self) -> None:
        found = version_by_alias(self.tracker, self.model, CHAMPION)
        champion = None if found is None else str(found.version)
        if champion != self.newest:
            self.problems.append(
                f"the champion of {self.model} is {_named(champion)} in MLflow, and {_named(self.newest)} by the newest "
                f"move: someone may have moved the alias. 'perennial champions {self.model}' enters that in the ledger"
            )

    def _inside(self, moment: datetime) -> bool:
        return (self.since is None or self.since <= moment) and (self.until is None or moment <= self.until)

    def _read(self, key: str, of: type[Of], expected: str = "") -> Of | None:
        """Return a record; None: it is gone or damaged, which is a problem if it is expected to be there."""
        try:
            return read_record(self.store, key, of, _ADVICE)
        except KeyNotFound:
            if expected:
                self.problems.append(f"{key} is gone from the store, and {expected}. {_ADVICE}")
        except Damaged as damage:
            self.problems.append(str(damage))
        return None

    def _keep(self, key: str, of: type[Record], expected: str = "") -> None:
        """Add a record as it lies in the store, so that its own digest can be verified."""
        if self._read(key, of, expected) is not None:
            self.archive.add(f"store/{key}", self.store.read(key), key)

    def _add(self, name: str, content: Mapping[str, Any], source: str) -> None:
        data = json.dumps(content, indent=2, sort_keys=True, default=str).encode()
        self.archive.add(name, data, f"mlflow: {source}")


def _belongs(entry: LedgerEntry, versions: set[str], runs: set[str]) -> bool:
    champion = entry.check.champion
    return (champion is not None and champion.version in versions) or entry.decision.run_id in runs


def _named(version: str | None) -> str:
    return "none" if version is None else f"version {version}"


def _check(model: str, number: int) -> str:
    return LEDGER_ENTRY.key(model, number)
